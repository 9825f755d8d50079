# Images, masks and centroid dots of a dataset in one form, whatever form they were published in.
rule prepare:
    input:
        "<resources>/raw/{dataset}/fetched.json",
    output:
        DATASET,
        "<resources>/datasets/{dataset}/images.csv",
        "<resources>/datasets/{dataset}/dots.csv",
    log:
        "<logs>/prepare/{dataset}.log",
    benchmark:
        "<benchmarks>/prepare/{dataset}.tsv"
    params:
        card=get_dataset_digest,
        code=get_reader_code,
    resources:
        mem_mb=8000,
        runtime=60,
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/prepare.py"
