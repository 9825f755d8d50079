"""Error against the number of training images, with the values that papers printed."""

from pathlib import Path

from _job import plan_of, run


def work():
    from dotbench.contract.trial import Trial
    from dotbench.report.figures.error_n import figure_error_n
    from dotbench.report.figures.style import save

    plan = plan_of(snakemake)
    names = {id: card.name for id, card in plan.methods.items()}
    trials = [Trial.parse(trial) for trial in snakemake.params.trials]
    # The protocols of papers are named after them.
    paper = plan.papers.get(snakemake.wildcards.protocol)
    save(figure_error_n(trials, plan.layout, names, paper), Path(snakemake.output[0]).with_suffix(""))


run(snakemake, work)
