"""Which images train, validate and test."""

from _job import cell_of, plan_of, run


def work():
    from dotbench.steps import split

    split(plan_of(snakemake), cell_of(snakemake))


run(snakemake, work)
