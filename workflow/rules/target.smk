# Dots of a whole dataset as maps that networks learn.
rule target:
    input:
        DATASET,
    output:
        "<resources>/targets/{dataset}/{kernel}/target.json",
    log:
        "<logs>/target/{dataset}/{kernel}.log",
    benchmark:
        "<benchmarks>/target/{dataset}/{kernel}.tsv"
    params:
        code=get_kernel_code,
    resources:
        mem_mb=4000,
        runtime=60,
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/target.py"
