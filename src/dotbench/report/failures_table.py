"""What failed: every configured trial without a result, why, and where to read more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict

from dotbench.contract.layout import Layout
from dotbench.contract.trial import TRIAL_COLUMNS, Trial
from dotbench.report.numbers import NOTHING
from dotbench.report.result import read_draw
from dotbench.report.table import Grid, Item, Line, Section, Table
from dotbench.report.trials_table import LOOKS

COLUMNS = (*TRIAL_COLUMNS, "status", "reason", "log")
# What a user most wants to mend comes first.
ORDER = ("error", "oom", "timeout", "missing_weights", "not_run", "not_applicable")


def build_failures_table(configured: Collection[Trial], layout: Layout) -> Table:
    draws = [draw for trial in sorted(configured) if (draw := read_draw(trial, layout)).status != "ok"]
    draws.sort(key=lambda draw: ORDER.index(draw.status))
    counts = Counter(draw.status for draw in draws)
    told = ", ".join(f"{counts[status]} {status.replace('_', ' ')}" for status in ORDER if counts[status])
    caption = f"{len(draws)} of {len(configured)} configured trials have no result: {told}." if draws else ""
    lines = tuple(
        Line(
            (
                Item(str(draw.trial)),
                Item(draw.status.replace("_", " "), "", LOOKS.get(draw.status, "failed")),
                Item(draw.reason or NOTHING),
                Item(draw.log or NOTHING),
            )
        )
        for draw in draws
    )
    grid = Grid("", ("Trial", "Status", "Why", "Log"), (Section(lines),), left=4, wrap=True)
    return Table(
        title="What failed",
        caption=caption or "Nothing: every configured trial has a result.",
        grids=(grid,) if draws else (),
        records=[
            asdict(draw.trial) | {"status": draw.status, "reason": draw.reason, "log": draw.log}
            for draw in draws
        ],
        columns=COLUMNS,
        searchable=len(draws) > 20,
    )
