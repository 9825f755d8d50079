"""Every trial of the configuration in one table, what each cost in another, and those without a result in a third."""

from pathlib import Path

from _job import plan_of, run


def work():
    from dotbench.report.cost_table import build_cost_table
    from dotbench.report.failures_table import build_failures_table
    from dotbench.report.trials_table import build_trials_table

    plan = plan_of(snakemake)
    names = {id: card.name for id, card in plan.methods.items()}
    matches = {id: card.match.text for id, card in plan.datasets.items()}
    folder = Path(snakemake.output[0]).parent
    build_trials_table(plan.trials, plan.layout, names, matches).write(folder, "trials")
    build_cost_table(plan.trials, plan.layout, names).write(folder, "cost")
    build_failures_table(plan.trials, plan.layout).write(folder, "failed")


run(snakemake, work)
