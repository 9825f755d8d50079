"""A forest that says the density of a whole patch for each pixel, averaged where patches overlap (Fiaschi 2012)."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import PositiveFloat, PositiveInt, field_validator
from scipy import ndimage

from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.classical.density import JUDGES, DensityOptions, predicted, threshold, truth
from dotbench.classical.filters import background, derivatives
from dotbench.classical.foreground import grey
from dotbench.classical.trees import ask_forest, grow_forest
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample
from dotbench.predict.line import fitted_line


class Options(DensityOptions):
    scales: tuple[PositiveFloat, ...] = (0.8, 1.6, 3.2, 6.4)
    """sd in pixels of the filters that describe a pixel"""
    background: PositiveInt | None = None
    """pixels along each side of the window in which something is background, which is taken off first; null: nothing is
    taken off"""
    patch: PositiveInt = 7
    """pixels along each side of a patch, odd"""
    shapes: PositiveInt = 6
    """a patch is the mean patch plus so many principal ones"""
    trees: PositiveInt = 20
    samples: PositiveInt = 100_000
    """pixels of the training images that the trees learn from"""
    leaf: PositiveInt = 5
    """fewest pixels in a leaf"""
    tries: PositiveInt = 10
    """random cuts of which a node takes the best"""
    stride: PositiveInt = 2
    """every so many rows and columns of an image say their patches"""
    calibrate: Literal["none", "validation"] = "none"
    """validation: counts follow the line through those of the validation images, where there are some"""

    @field_validator("patch")
    @classmethod
    def _has_a_centre(cls, patch: int) -> int:
        if patch % 2 == 0:
            raise ValueError("must be odd: a patch has a pixel in its middle")
        return patch


def fit(train: list[Sample], validation: list[Sample], options: Options, info: DatasetCard) -> Model:
    rng = np.random.default_rng(0)
    picked = [_pick(sample, max(1, options.samples // len(train)), options, info, rng) for sample in train]
    features, patches = (np.concatenate(part) for part in zip(*picked, strict=True))
    mean = patches.mean(axis=0)
    # Splits compare squared distances of patches, which the few coordinates that vary most keep.
    _, vectors = np.linalg.eigh((patches - mean).T @ (patches - mean))
    shapes = vectors[:, ::-1][:, : options.shapes].T
    labels = (patches - mean) @ shapes.T
    forest = grow_forest(features, labels, options.trees, options.leaf, options.tries, rng)
    model = {**forest, "mean": mean, "shapes": shapes}
    # Trees know the images that they learned from too well to say how they err on others.
    calibrates = options.calibrate == "validation" and len(validation) > 0
    seen = validation if calibrates else (validation or train)[:JUDGES]
    densities = [_density(model, sample, options) for sample in seen]
    line = (1.0, 0.0)
    if calibrates:
        line = fitted_line([density.sum() for density in densities], [len(sample.dots) for sample in seen])
    judged = threshold(densities[:JUDGES], seen[:JUDGES], options, info)
    return {**model, "threshold": np.array(judged), "line": np.array(line)}


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    found = predicted(_density(model, sample, options), float(model["threshold"]), options, info)
    slope, offset = model["line"].tolist()
    return replace(found, count=max(slope * found.count + offset, 0.0))


def _pick(
    sample: Sample, number: int, options: Options, info: DatasetCard, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Features (k, f) and patches (k, patch^2) of pixels anywhere in the annotated region.

    All are equally likely: were cells preferred, the leaves would promise too many.
    """
    density = truth(sample, options.sigma, info)
    allowed = np.flatnonzero(np.ones(density.shape) if sample.roi is None else sample.roi)
    pixels = rng.choice(allowed, min(number, len(allowed)), replace=False)
    # Mirrored, as the filters see the image: with nothing there, leaves that border pixels share with others would promise
    # too little everywhere (1.3 % of all cells of a VGG image).
    around = np.pad(density, options.patch // 2, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(around, (options.patch, options.patch))
    patches = windows[np.unravel_index(pixels, density.shape)]
    return _features(sample, options)[pixels], patches.reshape(len(pixels), -1)


def _features(sample: Sample, options: Options) -> np.ndarray:
    """(pixels, features)"""
    values = grey(sample.image, 2, sample.id)
    if options.background:
        values = values - background(values, options.background)
    found = derivatives(values, options.scales)
    return np.ascontiguousarray(found.reshape(len(found), -1).T)


def _density(model: Model, sample: Sample, options: Options) -> np.ndarray:
    """The mean of all patches that cover a pixel."""
    shape = sample.image.shape[:2]
    asked = np.zeros(shape, bool)
    asked[:: options.stride, :: options.stride] = True
    answers = ask_forest(model, _features(sample, options)[asked.ravel()])
    square = (options.patch, options.patch)

    def spread(values: np.ndarray | float, patch: np.ndarray) -> np.ndarray:
        each = np.zeros(shape)
        each[asked] = values
        return ndimage.convolve(each, patch.reshape(square), mode="constant")

    covered = spread(1.0, np.ones(square))
    density = spread(1.0, model["mean"])
    for coordinate, patch in zip(answers.T, model["shapes"], strict=True):
        density += spread(coordinate, patch)
    # A stride wider than a patch leaves pixels that nobody speaks for.
    density = np.divide(density, covered, out=np.zeros(shape), where=covered > 0.5)
    return density if sample.roi is None else np.where(np.asarray(sample.roi) > 0, density, 0)
