"""Area of the foreground times a constant density learnt from the training images (Eckhardt 2024, baseline)."""

from __future__ import annotations

import numpy as np

from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.classical.foreground import ForegroundOptions, foreground
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample
from dotbench.errors import UserError


class Options(ForegroundOptions):
    """Nothing besides how to find the foreground."""


def fit(train: list[Sample], validation: list[Sample], options: Options, info: DatasetCard) -> Model:
    """All cells over all area, so that an image with much area weighs more; validation is not needed."""
    cells = sum(len(sample.dots) for sample in train)
    area = sum(_area(sample, options, info) for sample in train)
    if not area:
        raise UserError(
            f"no foreground in any of the {len(train)} training images",
            next="choose `how: variation`, or `objects: bright` or `dark`, in the options of the method's card",
        )
    return {"density": np.array(cells / area)}


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    return Prediction(float(model["density"]) * _area(sample, options, info), np.empty((0, info.ndim)))


def _area(sample: Sample, options: Options, info: DatasetCard) -> int:
    """Pixels of the foreground, where cells were annotated."""
    inside = foreground(sample.image, options, info.ndim, info.spacing, sample.id)
    return int(np.count_nonzero(inside if sample.roi is None else inside & (sample.roi > 0)))
