# $id: what it is, in one line. A rule of its own owes three files for a trial: counts.csv, dots.csv and run.json.
rule $id:
    input:
        split=SPLIT,
        dataset=DATASET,
    output:
        **predictions_of("$id"),
    log:
        "<logs>/$id/{dataset}/{protocol}/n{n}/draw{draw}.log",
    params:
        card=plan.methods["$id"].digest,
    threads: plan.methods["$id"].needs.threads
    resources:
        gpu=plan.methods["$id"].needs.gpu,
        mem_mb=plan.methods["$id"].needs.mem_mb,
        runtime=plan.methods["$id"].needs.runtime,
    run:
        from dotbench.by_rule import by_rule
        from skimage.feature import blob_log
        from skimage.util import img_as_float

        def count(work):
            # Call your tool here: for each image a count and, if the tool says where, a row (z,)y,x for each cell.
            ndim = work.dataset_card.ndim
            for sample in work.test:
                image = img_as_float(sample.image)
                grey = image if image.ndim == ndim else image.mean(axis=-1)
                dots = blob_log(grey, num_sigma=1, **work.card.options)[:, :ndim]
                work.add(sample, len(dots), dots)

        by_rule(plan, get_trial(wildcards, "$id"), log[0], count)
