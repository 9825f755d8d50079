"""One table of one paper, ours beside printed."""

from pathlib import Path

from _job import plan_of, run


def work():
    from dotbench.report.tables import build_table

    plan = plan_of(snakemake)
    names = {id: card.name for id, card in plan.methods.items()}
    table = snakemake.wildcards.table
    built = build_table(plan.papers[snakemake.wildcards.paper], table, set(plan.shown), plan.layout, names)
    built.write(Path(snakemake.output[0]).parent, table)


run(snakemake, work)
