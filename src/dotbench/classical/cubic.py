"""CUBIC's nuclei: bulges of a difference of Gaussians, told from noise without a label (Matsumoto 2019)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, PositiveFloat
from scipy import ndimage

from dotbench.cards.base import Part
from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.classical.curvature import peaked, upright
from dotbench.classical.foreground import grey
from dotbench.classical.otsu_components import cell_size
from dotbench.classical.two_kinds import the_larger_kind
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample


class Options(Part):
    """All lengths are in radii of a cell."""

    inner: PositiveFloat = 0.58
    outer: PositiveFloat = 0.87
    """widths of the two Gaussians"""
    truncate: PositiveFloat = 2.0
    """where the Gaussians end, in their own widths"""
    window: tuple[PositiveFloat, PositiveFloat] = (5.5, 14.5)
    """reach of the neighbourhood whose range of intensities is made 1: along z, and in plane"""
    min_area: float = Field(0.04, ge=0)
    """smaller components are noise; as a share of a cell's area (3D: volume)"""
    objects: Literal["auto", "bright", "dark"] = "auto"
    """auto: the side of Otsu's threshold that covers less of the image"""


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    ndim = info.ndim
    unit = np.array(info.voxel) / info.cell_radius
    values = upright(grey(sample.image, ndim, sample.id), options.objects)
    values = _evened(values, np.array([options.window[0]] * (ndim - 2) + [options.window[1]] * 2) / unit)
    inner, outer = (
        ndimage.gaussian_filter(values, width / unit, truncate=options.truncate)
        for width in (options.inner, options.outer)
    )
    inside, eigenvalues = peaked(inner - outer, unit)
    labels, count = ndimage.label(inside, np.ones((3,) * ndim))
    owner = labels[inside]
    size = np.bincount(owner, minlength=count + 1)[1:]
    squares = [(np.bincount(owner, each, count + 1)[1:] / np.maximum(size, 1)) ** 2 for each in eigenvalues.T]
    structureness = np.sqrt(sum(squares))
    large = np.flatnonzero(size >= options.min_area * cell_size(info.cell_radius, ndim, info.spacing))
    found = large[the_larger_kind(structureness[large])]
    # Weighted by intensity.
    dots = ndimage.center_of_mass(values, labels, found + 1)
    return Prediction(len(found), np.reshape(dots, (-1, ndim)), structureness[found])


def _evened(values: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Intensities between the lowest and the highest of the neighbourhood, so that dim regions count like bright ones."""
    window = 2 * np.rint(reach).astype(int) + 1
    low, high = (
        ndimage.uniform_filter(extreme(values, window), window)
        for extreme in (ndimage.minimum_filter, ndimage.maximum_filter)
    )
    span = high - low
    return np.divide(values - low, span, out=np.zeros_like(values), where=span > 0)
