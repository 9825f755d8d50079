"""Failure is data: how work says why it ended, and the files that stand for a result that there is none of."""

from __future__ import annotations

from pathlib import Path

from dotbench.paths import Trial
from dotbench.records import STATUSES, atomic, write_csv, write_json

HISTORY = ("step", "loss", "validation")
COUNTS = ("image", "count")
DOTS = ("image", "z", "y", "x", "score")
# A safetensors file is the length of its header, the header, the tensors: here an empty header and no tensors.
NO_WEIGHTS = (2).to_bytes(8, "little") + b"{}"


class Failure(Exception):
    """Ends a job with one of STATUSES and a sentence that says why and what to try."""

    def __init__(self, status: str, reason: str):
        if status not in STATUSES:
            raise ValueError(f"{status!r} is none of {STATUSES}")
        self.status, self.reason = status, reason
        super().__init__(status, reason)

    def __str__(self) -> str:
        return self.reason


class Stopped(Exception):
    """Work that was asked to stop (SIGTERM) has saved what it needs to go on later; the text says how far it got."""


def write_train_failure(
    folder: Path, trial: Trial, status: str, reason: str, log: Path | str | None = None, **facts: object
) -> None:
    """The files of a training without a model: valid, empty, and saying why."""
    folder = Path(folder)
    write_csv(folder / "history.csv", HISTORY, [])
    with atomic(folder / "model.safetensors") as temporary:
        temporary.write_bytes(NO_WEIGHTS)
    _write_record(folder / "train.json", trial, status, reason, log, facts)


def write_target_failure(folder: Path, status: str, reason: str, log: Path | str | None = None) -> None:
    """For maps that cannot be drawn: which methods learn them, their trainings pass it on."""
    write_json(Path(folder, "target.json"), {"status": status, "reason": reason, "log": log and str(log)})


def write_predict_failure(
    folder: Path, trial: Trial, status: str, reason: str, log: Path | str | None = None, **facts: object
) -> None:
    """The three files that every method owes, without a count."""
    folder = Path(folder)
    write_csv(folder / "counts.csv", COUNTS, [])
    write_csv(folder / "dots.csv", DOTS, [])
    _write_record(folder / "run.json", trial, status, reason, log, facts)


def _write_record(
    path: Path, trial: Trial, status: str, reason: str, log: Path | str | None, facts: dict
) -> None:
    # Last of all files: a reader that finds the status finds the rest too.
    log = str(log) if log is not None else None
    write_json(path, {"trial": str(trial), "status": status, "reason": reason, "log": log, **facts})
