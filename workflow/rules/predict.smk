# The method of one cell counts and locates the cells of the test images.
rule predict:
    input:
        model=get_model,
        begun=get_begun,
        split=SPLIT,
        dataset=DATASET,
    output:
        **predictions_of("{method}"),
    log:
        "<logs>/predict/{dataset}/{protocol}/n{n}/draw{draw}/{method}.log",
    benchmark:
        "<benchmarks>/predict/{dataset}/{protocol}/n{n}/draw{draw}/{method}.tsv"
    params:
        method=get_predict_digest,
        seed=plan.config.seed,
    threads: get_threads
    resources:
        gpu=get_gpu,
        mem_mb=get_mem_mb,
        runtime=get_runtime,
        attempt=get_attempt,
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/predict.py"
