"""The method of one trial learns."""

from _job import plan_of, run, trial_of


def work():
    from dotbench.steps import train

    train(plan_of(snakemake), trial_of(snakemake))


def failed(status, reason):
    from dotbench.contract.predictions import write_train_failure

    trial = trial_of(snakemake)
    write_train_failure(plan_of(snakemake).layout.trial(trial), trial, status, reason, snakemake.log[0])


run(snakemake, work, failed)
