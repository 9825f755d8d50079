"""Fitting a classical method that learns from the training images."""

from __future__ import annotations

import time

from dotbench import provenance
from dotbench.contract.model import write_model
from dotbench.contract.records import TrainRecord
from dotbench.contract.tables import write_history
from dotbench.modules import load_module, read_options
from dotbench.training.task import Task


def train(task: Task) -> None:
    task.check_images()
    card, split = task.card, task.split
    module = load_module(card.module, card.line_of(card.kind))
    options = read_options(module, card.options, card.line_of("options"))
    learn = task.dataset.samples(split.train, patch=split.patch)
    check = task.dataset.samples(split.validation, patch=split.patch)
    start = time.monotonic()
    model = module.fit(learn, check, options, task.dataset_card)
    seconds = time.monotonic() - start
    write_model(task.out, model, {"card": card.model_dump(mode="json")})
    write_history(task.out)
    TrainRecord(
        trial=str(task.trial),
        status="ok",
        reason="",
        seed=task.seed,
        parameters=sum(values.size for values in model.values()),
        seconds=round(seconds, 2),
        **provenance.facts(),
    ).write(task.out)
