"""Trainings that begin where another one ended."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import nn

from dotbench.contract.model import MODEL_FILE, read_model
from dotbench.contract.records import TrainRecord
from dotbench.contract.status import Failure
from dotbench.contract.tables import write_history
from dotbench.errors import UserError
from dotbench.files import atomic
from dotbench.training.task import Task


def origin(folder: Path) -> str:
    """The origin of the initial weights, for run.json."""
    return f"starts from {_record(folder).trial}"


def load_start(model: nn.Module, folder: Path) -> None:
    """The weights of the trial in this folder."""
    _record(folder)
    arrays, _ = read_model(folder)
    try:
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except RuntimeError as problem:
        raise UserError(
            f"a network cannot start from another one: {str(problem).splitlines()[-1].strip()}",
            where=folder / MODEL_FILE,
            next="`start:` in the method's card must name a method of the same network, options and channels",
        ) from problem


def hand_over(folder: Path, task: Task) -> None:
    """Without training images a training ends where it starts."""
    record = _record(folder)
    with atomic(task.out / MODEL_FILE) as temporary:
        shutil.copyfile(folder / MODEL_FILE, temporary)
    write_history(task.out)
    changed = {"steps": 0, "kept_step": 0, "validation_mae": None, "seconds": 0.0}
    changed |= {"trial": str(task.trial), "weights": f"those of {record.trial}"}
    record.model_copy(update=changed).write(task.out)


def _record(folder: Path) -> TrainRecord:
    record = TrainRecord.read(folder)
    if not record.ok:
        reason = f"what it starts from, {record.trial or folder}, has no weights: {record.reason}"
        raise Failure(record.status, reason)
    return record
