"""Training one cell of the benchmark, whatever kind of method it is."""

from __future__ import annotations

import importlib

from dotbench.failure import Failure
from dotbench.training.task import Task


def train(task: Task) -> None:
    """Writes model.safetensors, history.csv and train.json into `task.out`.

    Raises Failure or UserError if nothing can come of it, and Stopped after it was asked to stop and has saved where
    it is. Each kind of method has a file beside this one, found by name, with a `train` of its own.
    """
    made_for, ndim = task.card.ndim, task.dataset_card.ndim
    if ndim not in made_for:
        dimensions = " and ".join(f"{n}D" for n in made_for)
        raise Failure(
            "not_applicable", f"{task.card.id} is made for {dimensions}, {task.dataset_card.id} is {ndim}D"
        )
    importlib.import_module(f"dotbench.training.{task.card.kind}").train(task)
