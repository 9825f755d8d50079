"""The public files of one dataset, each checked."""

from _job import plan_of, run


def work():
    from dotbench.steps import fetch

    fetch(plan_of(snakemake), snakemake.wildcards.dataset)


run(snakemake, work)
