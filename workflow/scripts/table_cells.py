"""Every cell of the configuration in one table, what each cost in another, and those without a result in a third."""

from pathlib import Path

from _job import plan_of, run


def work():
    from dotbench.report.cells_table import build_cells_table
    from dotbench.report.cost_table import build_cost_table
    from dotbench.report.failures_table import build_failures_table

    plan = plan_of(snakemake)
    names = {id: card.name for id, card in plan.methods.items()}
    matches = {id: card.match.text for id, card in plan.datasets.items()}
    folder = Path(snakemake.output[0]).parent
    build_cells_table(plan.cells, plan.layout, names, matches).write(folder, "cells")
    build_cost_table(plan.cells, plan.layout, names).write(folder, "cost")
    build_failures_table(plan.cells, plan.layout).write(folder, "failed")


run(snakemake, work)
