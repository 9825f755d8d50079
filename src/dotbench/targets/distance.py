"""The distance of every pixel to its nearest dot, which several kernels start from."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from dotbench.data.dots import pixels


def nearest_dot(
    dots: np.ndarray, shape: tuple[int, ...], unit: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the pixel of the nearest dot, and that dot's index + 1; needs at least one dot."""
    place = tuple(pixels(dots).T)
    empty = np.ones(shape, bool)
    empty[place] = False
    distance, nearest = ndimage.distance_transform_edt(empty, sampling=unit, return_indices=True)
    owner = np.zeros(shape, np.int32)
    owner[place] = np.arange(1, len(dots) + 1)
    return distance, owner[tuple(nearest)]
