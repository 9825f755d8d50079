"""What the predictions of one trial are worth."""

from _job import plan_of, run, trial_of


def work():
    from dotbench.steps import score

    score(plan_of(snakemake), trial_of(snakemake))


run(snakemake, work)
