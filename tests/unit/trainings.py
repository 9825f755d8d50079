"""Training whatever kind of method a task names, as the step of the workflow does."""

from __future__ import annotations

import importlib

from dotbench.training.task import Task


def train(task: Task) -> None:
    importlib.import_module(f"dotbench.training.{task.card.kind}").train(task)
