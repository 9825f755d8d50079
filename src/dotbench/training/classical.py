"""Fitting a classical method that learns from the training images."""

from __future__ import annotations

import json
import time

import numpy as np
from safetensors.numpy import save_file

from dotbench import provenance
from dotbench.modules import load_module, read_options
from dotbench.records import atomic, write_csv, write_json
from dotbench.training.task import HISTORY, Task


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
    # safetensors writes the bytes as they lie: those of a transposed array would come back in another order.
    model = {name: np.array(values, order="C") for name, values in model.items()}
    with atomic(task.out / "model.safetensors") as temporary:
        save_file(
            model, temporary, {"dotbench": json.dumps({"card": card.model_dump(mode="json")}, sort_keys=True)}
        )
    write_csv(task.out / "history.csv", HISTORY, [])
    record = {
        "trial": str(task.trial),
        "status": "ok",
        "reason": "",
        "seed": task.seed,
        "parameters": sum(values.size for values in model.values()),
        "seconds": round(seconds, 2),
        **provenance.facts(),
    }
    write_json(task.out / "train.json", record)
