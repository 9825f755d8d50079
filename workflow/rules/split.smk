# Which images train, validate and test.
rule split:
    localrule: True
    input:
        "<resources>/datasets/{dataset}/images.csv",
    output:
        SPLIT,
    log:
        "<logs>/split/{dataset}/{protocol}/n{n}/draw{draw}.log",
    params:
        seed=plan.config.seed,
        choices=get_split_choices,
        code=code_digest("dotbench.data.splits"),
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/split.py"
