"""What each trial cost, apart from what it found: two runs find the same, and never take the same time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict

from dotbench.contract.layout import Layout
from dotbench.contract.records import Cost
from dotbench.contract.trial import TRIAL_COLUMNS, Trial
from dotbench.report.numbers import NOTHING, big, duration
from dotbench.report.result import read_draw
from dotbench.report.table import Grid, Item, Line, Section, Table

COSTS = tuple(Cost.model_fields)


def build_cost_table(
    configured: Collection[Trial], layout: Layout, names: Mapping[str, str] | None = None
) -> Table:
    draws = [draw for trial in sorted(configured) if (draw := read_draw(trial, layout)).status == "ok"]
    costs = [draw.metrics.cost or Cost() for draw in draws]
    header = ("Dataset", "Protocol", "Method", "N", "Draw", "Training", "Prediction", "Parameters", "Device")
    names = names or {}
    lines = tuple(_line(draw.trial, cost, names) for draw, cost in zip(draws, costs, strict=True))
    return Table(
        title="What it cost",
        caption="Wall-clock time of training, and of prediction for all test images, on the device that stands there.",
        grids=(Grid("", header, (Section(lines),), left=3),),
        records=[
            asdict(draw.trial) | cost.model_dump(include=set(COSTS))
            for draw, cost in zip(draws, costs, strict=True)
        ],
        columns=(*TRIAL_COLUMNS, *COSTS),
        searchable=True,
    )


def _line(trial: Trial, cost: Cost, names: Mapping[str, str]) -> Line:
    texts = (
        *(
            trial.dataset,
            trial.protocol,
            names.get(trial.method, trial.method),
            str(trial.n),
            str(trial.draw),
        ),
        *(duration(cost.train_seconds), duration(cost.predict_seconds)),
        *(big(cost.parameters), str(cost.device or NOTHING)),
    )
    return Line(tuple(map(Item, texts)))
