"""Where an image bulges like a cell: the second derivatives of blob detectors, in voxels of any shape."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from dotbench.classical.foreground import is_dark


def upright(values: np.ndarray, objects: str) -> np.ndarray:
    """The image with its cells as the bright side."""
    return -values if objects == "dark" or (objects == "auto" and is_dark(values)) else values


def peaked(values: np.ndarray, unit: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """True where the image falls off in every direction, and the eigenvalues of its Hessian there, lowest first.

    Finite differences; `unit` is the length of a voxel along each axis.
    """
    ndim = values.ndim
    second = [
        ndimage.correlate1d(values, [1, -2, 1], axis, mode="nearest") / unit[axis] ** 2
        for axis in range(ndim)
    ]
    # All eigenvalues are below 0 only if all these are: most voxels need no matrix.
    candidates = np.logical_and.reduce([axis < 0 for axis in second])
    places = np.nonzero(candidates)
    matrix = np.empty((len(places[0]), ndim, ndim), np.float32)
    for axis in range(ndim):
        matrix[:, axis, axis] = second[axis][places]
    for one, other in itertools.combinations(range(ndim), 2):
        slope = ndimage.correlate1d(values, [-0.5, 0, 0.5], one, mode="nearest")
        mixed = ndimage.correlate1d(slope, [-0.5, 0, 0.5], other, mode="nearest")[places]
        matrix[:, one, other] = matrix[:, other, one] = mixed / (unit[one] * unit[other])
    eigenvalues = np.linalg.eigvalsh(matrix)
    inside = eigenvalues[:, -1] < 0
    candidates[places] = inside
    return candidates, eigenvalues[inside]
