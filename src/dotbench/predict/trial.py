"""Predicting the test images of one trial of the benchmark, whatever kind of method it is."""

from __future__ import annotations

import importlib
import sys
import time

import numpy as np
from tqdm import tqdm

from dotbench.contract.prediction import Prediction
from dotbench.contract.predictions import MAPS, write_predict_failure, write_predictions
from dotbench.contract.records import TrainRecord
from dotbench.contract.status import Failure
from dotbench.data.dataset import Sample
from dotbench.data.dots import pixels
from dotbench.predict.task import Predictor, Task


def predict_trial(task: Task) -> None:
    """Writes counts.csv, dots.csv and run.json; when the method cannot be used here, they say why.

    Raises Failure or UserError when predicting itself fails. Each kind of method has a file beside this one, found
    by name, with `open_predictor(task)`.
    """
    trained = _training(task)
    if not trained.ok:
        write_predict_failure(task.folder, task.trial, trained.status, trained.reason, task.log)
        return
    start = time.monotonic()
    predictor: Predictor = importlib.import_module(f"dotbench.predict.{task.card.kind}").open_predictor(task)
    samples = task.dataset.samples(
        task.split.test, with_dots=task.card.role == "control", patch=task.split.patch
    )
    predictions = {}
    for number, sample in enumerate(tqdm(samples, str(task.trial), disable=not sys.stderr.isatty())):
        # Each sample its own random numbers: the order of the images does not matter.
        found = predictor.predict(sample, np.random.default_rng([task.seed, number]))
        found = _checked(_inside(found, sample), task, sample)
        if number >= MAPS:
            found.map = None
        predictions[sample.id] = found
    seconds = {"train": trained.seconds, "predict": round(time.monotonic() - start, 2)}
    facts = {
        "seed": task.seed,
        "card": task.card.model_dump(mode="json"),
        "dataset_digest": task.dataset.info["digest"],
        "seconds": seconds,
        "parameters": trained.parameters or 0,
        "weights": trained.weights,
        "log": None if task.log is None else str(task.log),
        "train": trained.summary(),
        **predictor.facts(),
    }
    write_predictions(task.folder, task.trial, predictions, facts)


def _training(task: Task) -> TrainRecord:
    """The training record; that of a method that needs none is empty."""
    if task.dataset_card.ndim not in task.card.ndim:
        dimensions = " and ".join(f"{n}D" for n in task.card.ndim)
        reason = (
            f"{task.card.id} is made for {dimensions}, {task.dataset_card.id} is {task.dataset_card.ndim}D"
        )
        return TrainRecord(status="not_applicable", reason=reason)
    if not task.card.trains:
        return TrainRecord(status="ok")
    record = TrainRecord.read(task.folder)
    if record.status == "not_run":
        return TrainRecord(status="missing_weights", reason=f"{task.folder} holds no trained model")
    return record


def _inside(found: Prediction, sample: Sample) -> Prediction:
    """Only what lies in the annotated region: elsewhere nobody knows what is right."""
    if sample.roi is None or not len(found.dots):
        return found
    place = np.clip(pixels(found.dots), 0, np.array(sample.roi.shape) - 1)
    kept = np.asarray(sample.roi)[tuple(place.T)] > 0
    # Of a method that counts its dots, those outside do not count; a method that counts otherwise knows the region.
    count = float(kept.sum()) if found.count == len(found.dots) else found.count
    scores = found.scores[kept] if len(found.scores) else found.scores
    return Prediction(count, found.dots[kept], scores, found.map)


def _checked(found: Prediction, task: Task, sample: Sample) -> Prediction:
    if not (np.isfinite(found.count) and np.isfinite(found.dots).all()):
        raise Failure("error", f"{task.card.id} predicts {found.count} cells in {sample.id}: not a number")
    return found
