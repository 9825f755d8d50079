"""The mean count of the training images for every image: the floor that any method must leave behind."""

from __future__ import annotations

import numpy as np

from dotbench.cards.base import Part
from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample


class Options(Part):
    """Nothing to choose."""


def fit(train: list[Sample], validation: list[Sample], options: Options, info: DatasetCard) -> Model:
    return {"mean": np.array(np.mean([len(sample.dots) for sample in train]))}


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    return Prediction(float(model["mean"]), np.empty((0, info.ndim)))
