"""The method of one cell counts the test images."""

from _job import plan_of, run, trial_of


def work():
    from dotbench.steps import predict

    predict(plan_of(snakemake), trial_of(snakemake))


def failed(status, reason):
    from dotbench.contract.predictions import write_predict_failure

    trial = trial_of(snakemake)
    write_predict_failure(plan_of(snakemake).layout.trial(trial), trial, status, reason, snakemake.log[0])


run(snakemake, work, failed)
