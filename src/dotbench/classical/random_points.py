"""The true number of cells at random places: the detection score that chance alone would give."""

from __future__ import annotations

import numpy as np

from dotbench.cards.base import Part
from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample


class Options(Part):
    """Nothing to choose."""


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    count, shape = len(sample.dots), sample.image.shape[: info.ndim]
    if sample.roi is None or not count:
        dots = rng.random((count, info.ndim)) * shape - 0.5
    else:
        allowed = np.argwhere(sample.roi)
        dots = allowed[rng.integers(len(allowed), size=count)] + rng.random((count, info.ndim)) - 0.5
    return Prediction(count, dots, np.ones(count))
