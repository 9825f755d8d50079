# The method of one cell learns from the cell's training images.
rule train:
    input:
        split=SPLIT,
        dataset=DATASET,
        target=get_target,
        start=get_start,
    output:
        f"{CELL}/train.json",
        f"{CELL}/history.csv",
        f"{CELL}/model.safetensors",
    log:
        "<logs>/train/{dataset}/{protocol}/n{n}/draw{draw}/{method}.log",
    benchmark:
        "<benchmarks>/train/{dataset}/{protocol}/n{n}/draw{draw}/{method}.tsv"
    params:
        method=get_train_digest,
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
        "../scripts/train.py"
