"""Two overlapping cells as the target maps that the methods learn."""

from pathlib import Path

from _job import plan_of, run


def work():
    from dotbench.report.figures.kernels import figure_kernels
    from dotbench.report.figures.style import save

    plan = plan_of(snakemake)
    save(figure_kernels(list(plan.kernels.values())), Path(snakemake.output[0]).with_suffix(""))


run(snakemake, work)
