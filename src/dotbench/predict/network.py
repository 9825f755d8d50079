"""Predicting with a trained network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import nn

from dotbench.cards import NetworkCard
from dotbench.cards.method import METHOD, NetworkDetect, upgrade
from dotbench.contract.model import MODEL_FILE, read_model
from dotbench.contract.prediction import Prediction
from dotbench.contract.records import RunRecord
from dotbench.contract.status import Failure
from dotbench.data.dataset import Sample
from dotbench.errors import UserError
from dotbench.inference.device import Compute, choose, facts
from dotbench.inference.intensity import Intensity
from dotbench.inference.tiles import predict_map
from dotbench.networks import Network, load_network
from dotbench.predict.detect import choose_threshold, detect
from dotbench.predict.line import fitted_line
from dotbench.predict.task import Task

LARGE = 2**27
"""voxels from which on a map lies on disk instead of in memory, and is not kept"""
MAPS_KEPT = 2**28
"""voxels of validation maps that are kept in memory to choose the threshold"""


@dataclass(frozen=True)
class Trained:
    """A network with its weights, ready for images of any size."""

    card: NetworkCard
    network: Network
    model: nn.Module
    intensity: Intensity
    compute: Compute
    peak: float
    """the map's value at the centre of a lone cell"""
    detect: NetworkDetect
    line: tuple[float, float] = (1.0, 0.0)
    """slope and offset of the calibration"""

    def map(self, sample: Sample, out: Path | None = None) -> np.ndarray:
        """The network's map; with `out` in that .npy file instead of in memory."""
        with self.compute.settings():
            found = predict_map(
                self.model,
                sample.image,
                self.intensity,
                self.compute,
                stride=self.network.stride,
                receptive_field=self.network.receptive_field,
                out=out,
                where=sample.id,
            )
        if sample.roi is not None:
            found *= np.asarray(sample.roi) > 0
        return found

    def predict(self, sample: Sample, rng: np.random.Generator | None = None) -> Prediction:
        if math.prod(sample.image.shape[: self.intensity.ndim]) < LARGE:
            return self.read(self.map(sample))
        with TemporaryDirectory() as folder:
            return replace(self.read(self.map(sample, Path(folder, "map.npy"))), map=None)

    def read(self, map: np.ndarray) -> Prediction:
        """Count and dots of a predicted map."""
        dots, scores = detect(map, self.detect, self.peak, self.card.kernel)
        if self.card.count == "detections":
            count = float(len(dots))
        else:
            count = float(map.sum(dtype=np.float64) / getattr(self.card.kernel, "scale", 1.0))
        slope, offset = self.line
        # An output without a floor may sum to a little less than nothing on an empty image.
        return Prediction(max(slope * count + offset, 0.0), dots, scores, map)

    def facts(self) -> dict[str, Any]:
        return {**facts(self.compute), "threshold": self.detect.threshold, "line": list(self.line)}


def open_model(folder: Path, compute: Compute, card: NetworkCard | None = None) -> Trained:
    """A model as training wrote it. Without `card` the one it was trained with counts."""
    file = Path(folder, MODEL_FILE)
    arrays, about = read_model(folder)
    card = card or _card(about, file)
    network = load_network(card.module, card.options, card.line_of("options"))
    try:
        intensity = Intensity(card.input, about["ndim"], about["channels"], *_pair(about))
        model = network.build(intensity.channels, intensity.ndim)
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        # The precision of the training, on any machine: a network makes up for the rounding it learned with, and
        # without it counts are off by a constant (1.2 cells on VGG).
        compute = replace(compute, dtype=getattr(torch, about["precision"]))
    except (RuntimeError, KeyError) as problem:
        raise UserError(
            f"the weights are not those of {card.network} with these options: {_first(problem)}",
            where=file,
            next=f"train {card.id} again, or give the options it was trained with",
        ) from problem
    model = model.to(compute.device, memory_format=compute.memory_format(intensity.ndim)).eval()
    return Trained(card, network, model, intensity, compute, about["peak"], card.detect)


def open_predictor(task: Task) -> Trained:
    """The trial's model, with the threshold that serves its validation images best."""
    compute = choose(task.device, task.deterministic, task.threads)
    trained = open_model(task.folder, compute, task.card)
    spec, line = task.card.detect, task.card.calibrate == "validation"
    if spec.threshold is not None and not line:
        return trained
    # Without validation images those it learned from are better than nothing; never the test images.
    ids = task.split.validation or task.split.train
    if not ids:
        return _as_begun(trained, task.start)
    maps, truths, kept = [], [], 0
    for id in ids:
        sample = task.dataset.sample(id)
        kept += int(np.prod(task.dataset.shape(id)))
        if maps and kept > MAPS_KEPT:
            break
        maps.append(trained.map(sample))
        truths.append(sample.dots)
    if spec.threshold is None:
        radius = task.dataset_card.match.radius or task.dataset_card.cell_radius
        threshold = choose_threshold(
            maps, truths, spec, trained.peak, radius, _scaled(task), task.card.kernel
        )
        trained = replace(trained, detect=spec.model_copy(update={"threshold": threshold}))
    if line:
        counts = [trained.read(map).count for map in maps]
        trained = replace(trained, line=fitted_line(counts, [len(truth) for truth in truths]))
    return trained


def _as_begun(trained: Trained, start: Path) -> Trained:
    """With the threshold and line of the trial whose weights these are, N = 0 being the start itself."""
    found = RunRecord.read(start)
    if not found.ok:
        raise Failure(found.status, f"what it starts from, {found.trial or start}, failed: {found.reason}")
    detect = trained.detect.model_copy(update={"threshold": found.threshold})
    return replace(trained, detect=detect, line=found.line)


def _scaled(task: Task) -> Callable[[np.ndarray, np.ndarray, float], Any]:
    """Matching by distances in space, where voxels are not cubes."""
    unit = np.array(task.dataset_card.voxel)
    return lambda true, found, radius: task.match(true * unit, found * unit, radius)


def _card(about: dict, file: Path) -> NetworkCard:
    try:
        return METHOD.validate_python(upgrade(about["card"]))
    except (KeyError, ValidationError) as problem:
        raise UserError(
            "the model's file says nothing about its card", where=file, next="train again"
        ) from problem


def _pair(about: dict) -> tuple[tuple[float, ...] | None, ...]:
    return tuple(None if about[name] is None else tuple(about[name]) for name in ("mean", "sd"))


def _first(problem: Exception) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[1] if len(lines) > 1 else lines[0]
