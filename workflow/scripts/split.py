"""Which images train, validate and test."""

from _job import plan_of, run, trial_of


def work():
    from dotbench.steps import split

    split(plan_of(snakemake), trial_of(snakemake))


run(snakemake, work)
