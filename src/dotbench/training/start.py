"""Trainings that begin where another one ended."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import nn

from dotbench.errors import UserError
from dotbench.failure import Failure
from dotbench.predict.weights import read_weights
from dotbench.records import atomic, read_json, write_csv, write_json
from dotbench.training.task import HISTORY, Task

MODEL = "model.safetensors"


def origin(folder: Path) -> str:
    """What run.json says of weights that were not random at first."""
    return f"starts from {_record(folder)['trial']}"


def load_start(model: nn.Module, folder: Path) -> None:
    """The weights of the trial in this folder."""
    _record(folder)
    arrays, _ = read_weights(folder / MODEL)
    try:
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except RuntimeError as problem:
        raise UserError(
            f"a network cannot start from another one: {str(problem).splitlines()[-1].strip()}",
            where=folder / MODEL,
            next="`start:` in the method's card must name a method of the same network, options and channels",
        ) from problem


def hand_over(folder: Path, task: Task) -> None:
    """Without training images a training ends where it starts."""
    record = _record(folder)
    with atomic(task.out / MODEL) as temporary:
        shutil.copyfile(folder / MODEL, temporary)
    write_csv(task.out / "history.csv", HISTORY, [])
    changed = {"trial": str(task.trial), "steps": 0, "kept_step": 0, "validation_mae": None, "seconds": 0.0}
    write_json(task.out / "train.json", record | changed | {"weights": f"those of {record['trial']}"})


def _record(folder: Path) -> dict:
    record = read_json(folder / "train.json")
    if record["status"] != "ok":
        reason = f"what it starts from, {record['trial']}, has no weights: {record['reason']}"
        raise Failure(record["status"], reason)
    return record
