"""The dots of one dataset as maps."""

from pathlib import Path

from _job import plan_of, run


def work():
    from dotbench.steps import target

    plan = plan_of(snakemake)
    target(plan, snakemake.wildcards.dataset, plan.kernels[snakemake.wildcards.kernel])


def failed(status, reason):
    from dotbench.targets.write import write_target_failure

    write_target_failure(Path(snakemake.output[0]).parent, status, reason, snakemake.log[0])


run(snakemake, work, failed)
