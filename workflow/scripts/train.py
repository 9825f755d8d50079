"""The method of one cell learns."""

from _job import cell_of, plan_of, run


def work():
    from dotbench.steps import train

    train(plan_of(snakemake), cell_of(snakemake))


def failed(status, reason):
    from dotbench.failure import write_train_failure

    cell = cell_of(snakemake)
    write_train_failure(plan_of(snakemake).layout.cell(cell), cell, status, reason, snakemake.log[0])


run(snakemake, work, failed)
