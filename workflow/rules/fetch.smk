# Public files, each checked by its sha256, from mirrors first and then from their source.
rule fetch:
    # Compute nodes often have no internet, so downloads stay with the process that submits.
    localrule: True
    input:
        get_own_files,
    output:
        "<resources>/raw/{dataset}/fetched.json",
    log:
        "<logs>/fetch/{dataset}.log",
    params:
        card=get_source_digest,
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/fetch.py"
