"""Where an image shows cells, without having seen a label: the start of several methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field
from scipy import ndimage

from dotbench.cards.base import Part
from dotbench.errors import UserError


class ForegroundOptions(Part):
    """How to tell cells from background."""

    how: Literal["otsu", "variation"] = "otsu"
    """what is thresholded, always by Otsu's rule: the intensity, or how much it varies round a pixel (phase contrast)"""
    smooth: float = Field(1.0, ge=0)
    """sd of a Gaussian over the image beforehand, in in-plane pixels; 0: none"""
    objects: Literal["auto", "bright", "dark"] = "auto"
    """otsu: which side is cells; auto: the side that covers less of the image"""
    window: int = Field(11, ge=3)
    """variation: pixels along each side of the neighbourhood"""


def foreground(
    image: np.ndarray,
    options: ForegroundOptions,
    ndim: int,
    spacing: Sequence[float] | None = None,
    where: object = None,
) -> np.ndarray:
    """True where cells are; nowhere in a constant image."""
    from skimage.filters import threshold_otsu

    values = grey(image, ndim, where)
    unit = np.ones(ndim) if spacing is None else np.asarray(spacing)
    if options.smooth:
        values = ndimage.gaussian_filter(values, options.smooth / unit)
    if options.how == "variation":
        values = _variation(values, np.maximum(1, np.rint(options.window / unit)).astype(int))
    if values.min() == values.max():
        return np.zeros(values.shape, bool)
    bright = values > threshold_otsu(values)
    if options.how == "variation" or options.objects == "bright":
        return bright
    if options.objects == "dark" or np.count_nonzero(bright) > bright.size / 2:
        return ~bright
    return bright


def is_dark(values: np.ndarray) -> bool:
    """Whether cells are the dark side of an image: the side of Otsu's threshold that covers less."""
    from skimage.filters import threshold_otsu

    if values.min() == values.max():
        return False
    return bool(np.count_nonzero(values > threshold_otsu(values)) > values.size / 2)


def grey(image: np.ndarray, ndim: int, where: object = None) -> np.ndarray:
    """One channel, float32: the mean of all but an alpha channel, since no stain may count more than another."""
    colours = image[..., :3] if image.ndim > ndim and image.shape[-1] == 4 else image
    values = colours.mean(axis=-1, dtype=np.float32) if image.ndim > ndim else colours.astype(np.float32)
    if values.ndim != ndim or not values.size:
        raise UserError(f"an image of shape {image.shape} in a {ndim}D dataset", where=where)
    if not np.isfinite(values).all():
        raise UserError("the image has values that are not finite", where=where, next="mend or remove it")
    return values


def _variation(values: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Standard deviation over mean in a window, so that uneven light does not matter."""
    # Differences to the image's mean keep the digits that squares of large values would lose.
    centre = float(values.mean())
    mean = ndimage.uniform_filter(values - centre, window)
    variance = ndimage.uniform_filter((values - centre) ** 2, window) - mean**2
    deviation = np.sqrt(np.maximum(variance, 0))
    return np.divide(deviation, np.abs(mean + centre), out=np.zeros_like(deviation), where=mean + centre != 0)
