"""The numbers that a trial is judged by, from what was true and predicted in each unit (an image, or a patch)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dotbench.cards.metrics import METRICS

RESAMPLES = 2000
LEVELS = (1, 2, 3)
"""of GAME: the image cut into 2^level parts along each axis"""

GAMES = tuple(f"game{level}" for level in LEVELS)

Units = Mapping[str, np.ndarray]
"""true, predicted, tp, fp, fn, game1, game2, game3: one value a unit"""


def metrics(
    units: Units, locates: bool = True, images: np.ndarray | None = None
) -> dict[str, dict[str, float | None]]:
    """Every metric with its 95 % bootstrap interval over images; those about places only for methods that locate.

    `images` says which image each unit is of (by default units are images): the patches of an image are resampled
    together, since they err together. Units weigh the same whatever their image.
    """
    parts = _parts(units)
    drawn = resampled(parts, np.arange(len(parts)) if images is None else images)
    everything, spread = _metrics(parts.sum(0)), _metrics(drawn)
    return {
        name: _with_interval(float(value), spread[name])
        for name, value in everything.items()
        if locates or METRICS[name].about == "count"
    }


# What each unit adds to the sums that all metrics are made of, so that a resample is one sum.
_SUMS = ("units", "error", "absolute", "square", "relative", "level", "level2", "tp", "fp", "fn", *GAMES)


def _parts(units: Units) -> np.ndarray:
    error = units["predicted"] - units["true"]
    # R² needs the spread of the true counts: from a count near them nothing is lost to rounding.
    level = units["true"] - units["true"][:1]
    # An image without cells counts as one with a single cell: its relative error would be infinite.
    relative = np.abs(error) / np.maximum(units["true"], 1)
    counts = [np.ones(len(error)), error, np.abs(error), error**2, relative, level, level**2]
    return np.column_stack([*counts, *(units[key] for key in ("tp", "fp", "fn", *GAMES))])


def resampled(parts: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Sums over as many images as there are, drawn with replacement: (RESAMPLES, sums); NaN where there is but one.

    Seeded: the interval of a trial does not change when it is scored again, and two trials with the same test images are
    resampled alike.
    """
    names, owner = np.unique(images, return_inverse=True)
    whole = np.zeros((len(names), parts.shape[1]))
    np.add.at(whole, owner, parts)
    count = len(names)
    if count < 2:
        return np.full((1, parts.shape[1]), np.nan)
    times = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return times @ whole


def _metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
    total = dict(zip(_SUMS, np.moveaxis(sums, -1, 0), strict=True))
    mean = {key: total[key] / total["units"] for key in _SUMS}
    spread = mean["level2"] - mean["level"] ** 2
    # Where all true counts are equal there is nothing to explain, and R² has no value.
    spread = np.where(spread > 1e-9 * mean["level2"], spread, 0)
    tp, fp, fn = (total[key] for key in ("tp", "fp", "fn"))
    return {
        "mae": mean["absolute"],
        "rmse": np.sqrt(mean["square"]),
        "mse": mean["square"],
        "nae": mean["relative"],
        "bias": mean["error"],
        "r2": 1 - _ratio(mean["square"], spread),
        **{name: mean[name] for name in GAMES},
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
    }


def f1(tp: float, fp: float, fn: float) -> float | None:
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below != 0)


def _with_interval(value: float, drawn: np.ndarray) -> dict[str, float | None]:
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.percentile(drawn, (2.5, 97.5)) if drawn.size else (np.nan, np.nan)
    return {"value": _number(value), "low": _number(low), "high": _number(high)}


def _number(value: float) -> float | None:
    # JSON knows no NaN.
    return float(value) if np.isfinite(value) else None


def game(true: np.ndarray, predicted: np.ndarray, shape: tuple[int, ...]) -> dict[str, int]:
    """Grid average mean absolute error of one image: its parts are counted by their dots, and the errors added up."""
    return {
        f"game{level}": int(np.abs(_boxes(true, shape, level) - _boxes(predicted, shape, level)).sum())
        for level in LEVELS
    }


def _boxes(dots: np.ndarray, shape: tuple[int, ...], level: int) -> np.ndarray:
    parts = 2**level
    size = len(shape)
    # Pixel centres lie on whole numbers, so an image reaches from -0.5 to its length less 0.5.
    place = np.floor((dots.reshape(-1, size) + 0.5) * parts / np.array(shape)).astype(int)
    place = np.clip(place, 0, parts - 1)
    return np.bincount(np.ravel_multi_index(tuple(place.T), (parts,) * size), minlength=parts**size)
