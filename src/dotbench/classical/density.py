"""What density methods share: the density that dots stand for, and count and dots from a predicted one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat
from scipy import ndimage

from dotbench.cards.base import Part
from dotbench.cards.dataset import DatasetCard
from dotbench.cards.kernels import Gaussian
from dotbench.cards.method import Detect
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample
from dotbench.predict.detect import choose_threshold, detect
from dotbench.targets import kernel_peak, render

# Validation images that choose the threshold for dots: more hardly change it, and each costs a prediction.
JUDGES = 8


class DensityOptions(Part):
    sigma: PositiveFloat = 4.0
    """sd in pixels of the Gaussian that each dot becomes, in the density that is learnt"""
    smooth: NonNegativeFloat = 0.0
    """sd in pixels of a Gaussian over the predicted density before dots are looked for"""
    detect: Detect = Detect()
    """how dots are found in the density; without a threshold, the one that finds as many dots as there are in the
    validation images"""


def truth(sample: Sample, sigma: float, info: DatasetCard, border: str = "renormalise") -> np.ndarray:
    """Each dot a Gaussian, of mass 1 at the border too or with what lies outside lost; nothing outside of the annotated
    region."""
    kernel = Gaussian(sigma=sigma, border=border)
    drawn = render(sample.dots, sample.image.shape[:2], kernel, info.spacing, where=sample.id).map
    return drawn if sample.roi is None else np.where(np.asarray(sample.roi) > 0, drawn, 0)


def threshold(
    densities: list[np.ndarray], samples: list[Sample], options: DensityOptions, info: DatasetCard
) -> float:
    """The threshold at which as many dots are found as there are."""
    if options.detect.threshold is not None:
        return options.detect.threshold
    truths = [sample.dots for sample in samples]
    maps = [_smoothed(density, options) for density in densities]
    return choose_threshold(maps, truths, options.detect, _peak(options, info), None, _equal_numbers)


def predicted(
    density: np.ndarray, threshold: float, options: DensityOptions, info: DatasetCard
) -> Prediction:
    spec = options.detect.model_copy(update={"threshold": threshold})
    dots, scores = detect(_smoothed(density, options), spec, _peak(options, info))
    return Prediction(float(density.sum(dtype=np.float64)), dots, scores, density)


def _peak(options: DensityOptions, info: DatasetCard) -> float:
    sigma = np.hypot(options.sigma, options.smooth)
    return kernel_peak(Gaussian(sigma=sigma), 2, info.spacing)


def _smoothed(density: np.ndarray, options: DensityOptions) -> np.ndarray:
    return ndimage.gaussian_filter(density, options.smooth)


def _equal_numbers(true: np.ndarray, found: np.ndarray, radius: float | None) -> SimpleNamespace:
    """As if every dot were a hit: where dots lie is scored later and elsewhere."""
    return SimpleNamespace(pairs=range(min(len(true), len(found))))
