# What one trial's predictions are worth. Knows no method by name: three files are the whole contract.
rule score:
    wildcard_constraints:
        method=any_of(plan.methods),
    input:
        **predictions_of("{method}"),
        split=SPLIT,
        dataset=DATASET,
    output:
        f"{TRIAL}/metrics.json",
        f"{TRIAL}/per_image.csv",
    log:
        "<logs>/score/{dataset}/{protocol}/n{n}/draw{draw}/{method}.log",
    params:
        match=get_match,
        code=code_digest("dotbench.score.trial"),
    resources:
        mem_mb=2000,
        runtime=20,
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/score.py"
