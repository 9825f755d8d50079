"""Ridge regression from the words of a whole image to its number of cells (Lempitsky 2010, baseline)."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveFloat

from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.classical.words import WordOptions, histogram, learn_words, words_of
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample


class Options(WordOptions):
    sigma: PositiveFloat = 4.0
    """sd in pixels of a cell, to draw `on_cells` pixels"""
    penalties: tuple[PositiveFloat, ...] = tuple(10.0**power for power in range(-6, 3))
    """tried on the validation images; in units of the variance of the scaled counts"""


def fit(train: list[Sample], validation: list[Sample], options: Options, info: DatasetCard) -> Model:
    model = learn_words(train, options, options.sigma, info)
    known, true = _table(train, model, options)
    if validation:
        check, number = _table(validation, model, options)
        errors = [_error(*_solve(known, true, penalty), check, number) for penalty in options.penalties]
    else:
        errors = [_left_out(known, true, penalty) for penalty in options.penalties]
    # Of equal ones the strongest penalty.
    best = max(np.flatnonzero(np.isclose(errors, min(errors))))
    weights, bias = _solve(known, true, options.penalties[best])
    return {**model, "weights": weights, "bias": np.array(bias)}


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    counted = histogram(words_of(sample, model, options.bin), len(model["words"]))
    return Prediction(float(counted @ model["weights"] + model["bias"]), np.empty((0, info.ndim)))


def _table(samples: list[Sample], model: Model, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Histograms (images, words) and numbers of dots."""
    counted = [histogram(words_of(sample, model, options.bin), len(model["words"])) for sample in samples]
    return np.array(counted), np.array([len(sample.dots) for sample in samples], float)


def _solve(features: np.ndarray, true: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    """Weights and constant; in the dual form, because images are fewer than words."""
    mean, level = features.mean(axis=0), true.mean()
    # How often a word occurs varies by chance as the root of how often it does. On the plain counts the penalty spares
    # the commonest words, those of the background; the 1 is for words that no training image has.
    unit = np.sqrt(mean + 1)
    scaled = (features - mean) / unit
    kernel = scaled @ scaled.T
    # Images that are all alike have no variance: any penalty then gives their mean.
    damped = kernel + penalty * (np.trace(kernel) / len(kernel) or 1) * np.eye(len(kernel))
    weights = scaled.T @ np.linalg.solve(damped, true - level) / unit
    return weights, float(level - mean @ weights)


def _error(weights: np.ndarray, bias: float, features: np.ndarray, true: np.ndarray) -> float:
    return float(np.abs(features @ weights + bias - true).mean())


def _left_out(features: np.ndarray, true: np.ndarray, penalty: float) -> float:
    """The error of each training image by all others, where there is no validation image."""
    if len(true) == 1:
        return 0.0
    errors = []
    for out in range(len(true)):
        others = np.arange(len(true)) != out
        errors.append(_error(*_solve(features[others], true[others], penalty), features[[out]], true[[out]]))
    return float(np.mean(errors))
