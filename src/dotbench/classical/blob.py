"""Blobs: maxima of the Laplacian of Gaussian at the size of a cell (Marr and Hildreth 1980; Lindeberg 1998)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, PositiveFloat
from scipy import ndimage

from dotbench.cards.base import Part
from dotbench.cards.dataset import DatasetCard
from dotbench.cards.method import Detect
from dotbench.classical import Model
from dotbench.classical.curvature import upright
from dotbench.classical.foreground import grey
from dotbench.classical.two_kinds import the_larger_kind
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample
from dotbench.predict.detect import detect


class Options(Part):
    sizes: tuple[PositiveFloat, ...] = Field((0.8, 1.0, 1.25), min_length=1)
    """radii of blobs, in radii of a cell"""
    objects: Literal["auto", "bright", "dark"] = "auto"
    """auto: the side of Otsu's threshold that covers less of the image"""


# Any maximum at all; which of them are cells is asked afterwards.
ALL = Detect(how="local_maxima", min_distance=1, threshold=1.0)


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    values = upright(grey(sample.image, info.ndim, sample.id), options.objects)
    unit = np.array(info.voxel)
    response = np.max([_response(values, size * info.cell_radius, unit) for size in options.sizes], axis=0)
    dots, height = detect(response, ALL, np.finfo(np.float32).tiny)
    cells = the_larger_kind(height)
    return Prediction(int(cells.sum()), dots[cells], height[cells])


def _response(values: np.ndarray, radius: float, unit: np.ndarray) -> np.ndarray:
    """High in the middle of a bright ball of this radius; of equal height for balls of all sizes."""
    sigma = radius / np.sqrt(values.ndim)
    smooth = ndimage.gaussian_filter(values, sigma / unit)
    second = [ndimage.correlate1d(smooth, [1, -2, 1], axis) / unit[axis] ** 2 for axis in range(values.ndim)]
    return -(sigma**2) * sum(second)
