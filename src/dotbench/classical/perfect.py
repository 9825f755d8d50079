"""The true map through the same post-processing as a predicted one: the ceiling of all who learn this map."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from dotbench.cards.base import Part
from dotbench.cards.dataset import DatasetCard
from dotbench.cards.kernels import AdaptiveGaussian, Gaussian, InverseDistance
from dotbench.cards.method import NetworkDetect
from dotbench.classical import Model
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample
from dotbench.predict.detect import detect
from dotbench.targets import kernel_peak, render


class Options(Part):
    kernel: Annotated[Gaussian | AdaptiveGaussian | InverseDistance, Field(discriminator="name")]
    count: Literal["integral", "detections"] = "integral"
    """integral: the sum of the map; detections: how many dots are found in it"""
    detect: NetworkDetect = NetworkDetect()

    @model_validator(mode="after")
    def _sum_is_a_count(self):
        if self.count == "integral" and isinstance(self.kernel, InverseDistance):
            raise ValueError("the sum of an inverse distance map is no count: set count: detections")
        return self


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    kernel, shape = options.kernel, sample.image.shape[: info.ndim]
    drawn = render(sample.dots, shape, kernel, info.spacing, where=sample.id).map
    dots, scores = detect(drawn, options.detect, kernel_peak(kernel, info.ndim, info.spacing), kernel)
    count = len(dots)
    if options.count == "integral":
        count = float(drawn.sum(dtype=np.float64)) / kernel.scale
    return Prediction(count, dots, scores, drawn)
