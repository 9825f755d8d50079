"""What became of each trial of a plan: read from the files that its jobs left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from dotbench.contract.layout import Layout
from dotbench.contract.records import Metrics, RunRecord, TrainRecord
from dotbench.contract.trial import Trial
from dotbench.files import read_json
from dotbench.plan import Plan

# A training writes its progress at least this often; one that is silent for longer has stopped.
SILENT = 300


@dataclass(frozen=True)
class Outcome:
    trial: Trial
    status: str
    """one of records.STATUSES, or `running`"""
    reason: str = ""
    seconds: float = 0.0
    """training and prediction together, once done"""
    left: float | None = None
    """seconds that a running training still needs"""


def outcomes(plan: Plan) -> list[Outcome]:
    return [outcome(trial, plan.layout) for trial in plan.trials]


def outcome(trial: Trial, layout: Layout) -> Outcome:
    folder = layout.trial(trial)
    if Metrics.path(folder).is_file():
        metrics = Metrics.read(folder)
        return Outcome(trial, metrics.status, metrics.reason, metrics.seconds)
    progress = layout.checkpoint(trial) / "progress.json"
    if progress.is_file() and time.time() - progress.stat().st_mtime < SILENT:
        told = read_json(progress)
        return Outcome(trial, "running", f"step {told['step']} of {told['steps']}", left=told["left"])
    return Outcome(trial, "not_run", next(_reasons(folder), "no job has finished yet"))


def _reasons(folder) -> Iterator[str]:
    for record, step in ((RunRecord, "scored"), (TrainRecord, "predicted")):
        if record.path(folder).is_file():
            yield f"waits to be {step}"
