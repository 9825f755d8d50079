"""What the predictions of one cell are worth."""

from _job import cell_of, plan_of, run


def work():
    from dotbench.steps import score

    score(plan_of(snakemake), cell_of(snakemake))


run(snakemake, work)
