"""One dataset in the form that all methods read."""

from _job import plan_of, run


def work():
    from dotbench.steps import prepare

    prepare(plan_of(snakemake), snakemake.wildcards.dataset)


run(snakemake, work)
