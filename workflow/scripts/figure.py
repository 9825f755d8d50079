"""One figure of one dataset, protocol and N: what is drawn is named by the file."""

import importlib
from pathlib import Path

from _job import plan_of, run


def work():
    from dotbench.contract.trial import Trial
    from dotbench.report.figures.style import save

    plan = plan_of(snakemake)
    name = snakemake.params.figure
    draw = getattr(importlib.import_module(f"dotbench.report.figures.{name}"), f"figure_{name}")
    names = {id: card.name for id, card in plan.methods.items()}
    trials = [Trial.parse(trial) for trial in snakemake.params.trials]
    save(draw(trials, plan.layout, names), Path(snakemake.output[0]).with_suffix(""))


run(snakemake, work)
