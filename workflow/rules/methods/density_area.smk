# Eckhardt's baseline as a rule of its own: written as a contributor would write any method that is not a network.
rule density_area:
    input:
        split=SPLIT,
        dataset=DATASET,
    output:
        **predictions_of("density_area"),
    log:
        "<logs>/density_area/{dataset}/{protocol}/n{n}/draw{draw}.log",
    params:
        card=plan.methods["density_area"].digest,
        code=code_digest("dotbench.classical.density_area"),
    threads: plan.methods["density_area"].needs.threads
    resources:
        mem_mb=plan.methods["density_area"].needs.mem_mb,
        runtime=plan.methods["density_area"].needs.runtime,
    run:
        from dotbench.by_rule import by_rule
        from dotbench.classical import density_area

        def count(work):
            options = density_area.Options.model_validate(work.card.options)
            model = density_area.fit(work.train, work.validation, options, work.dataset_card)
            for sample in work.test:
                found = density_area.predict(model, sample, options, work.dataset_card, rng=None)
                work.add(sample, found.count)

        by_rule(plan, get_trial(wildcards, "density_area"), log[0], count)
