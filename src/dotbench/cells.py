"""What became of each cell of a plan: read from the files that its jobs left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from dotbench.paths import Cell, Layout
from dotbench.plan import Plan
from dotbench.records import read_json

# A training writes its progress at least this often; one that is silent for longer has stopped.
SILENT = 300


@dataclass(frozen=True)
class Outcome:
    cell: Cell
    status: str
    """one of records.STATUSES, or `running`"""
    reason: str = ""
    seconds: float = 0.0
    """training and prediction together, once done"""
    left: float | None = None
    """seconds that a running training still needs"""


def outcomes(plan: Plan) -> list[Outcome]:
    return [outcome(cell, plan.layout) for cell in plan.cells]


def outcome(cell: Cell, layout: Layout) -> Outcome:
    folder = layout.cell(cell)
    if (folder / "metrics.json").is_file():
        metrics = read_json(folder / "metrics.json")
        cost = metrics.get("cost") or {}
        seconds = (cost.get("train_seconds") or 0) + (cost.get("predict_seconds") or 0)
        return Outcome(cell, metrics["status"], metrics.get("reason") or "", seconds)
    progress = layout.checkpoint(cell) / "progress.json"
    if progress.is_file() and time.time() - progress.stat().st_mtime < SILENT:
        told = read_json(progress)
        return Outcome(cell, "running", f"step {told['step']} of {told['steps']}", left=told["left"])
    return Outcome(cell, "not_run", next(_reasons(folder), "no job has finished yet"))


def _reasons(folder) -> Iterator[str]:
    for name, step in (("run.json", "scored"), ("train.json", "predicted")):
        if (folder / name).is_file():
            yield f"waits to be {step}"
