"""What each pixel looks like at several scales: the filters that density methods after dense SIFT learn from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import ndimage

from dotbench.classical.foreground import is_dark


def derivatives(values: np.ndarray, scales: Sequence[float]) -> np.ndarray:
    """Features (5 a scale + 1, height, width): the intensity; and smoothed with each scale, the intensity, the
    gradient's strength, the Laplacian, and the larger and smaller eigenvalue of the structure tensor round twice
    the scale."""
    found = [values]
    for scale in scales:
        y, x, yy, xx = (
            ndimage.gaussian_filter(values, scale, order) for order in ((1, 0), (0, 1), (2, 0), (0, 2))
        )
        tensor = [ndimage.gaussian_filter(product, 2 * scale) for product in (y * y, x * x, y * x)]
        middle, apart = (tensor[0] + tensor[1]) / 2, np.hypot((tensor[0] - tensor[1]) / 2, tensor[2])
        smooth = ndimage.gaussian_filter(values, scale)
        found += [smooth, np.hypot(y, x), yy + xx, middle + apart, middle - apart]
    return np.array(found, np.float32)


def background(values: np.ndarray, window: int) -> np.ndarray:
    """What shows between the cells: the darkest round each pixel (the brightest where cells are dark), smoothed."""
    # The darkest of many noisy pixels would be noise.
    calm = ndimage.gaussian_filter(values, 1.6)
    extreme = ndimage.maximum_filter if is_dark(values) else ndimage.minimum_filter
    return ndimage.gaussian_filter(extreme(calm, window), window / 3)


def blobs(values: np.ndarray, size: float) -> np.ndarray:
    """Features (13, height, width) for objects of `size` pixels, as in Arteta's released code but for its Gabor filters:
    the intensity after a step of diffusion that spares edges, and differences of Gaussians."""
    calm = _diffused(values)
    # From a twelfth to a third of an object, six an octave.
    stack = [ndimage.gaussian_filter(calm, size / 12 * 2 ** (step / 6)) for step in range(13)]
    return np.array([calm] + [fine - coarse for fine, coarse in pairwise(stack)], np.float32)


def _diffused(values: np.ndarray) -> np.ndarray:
    """One iteration of Perona and Malik's diffusion (1990), kappa 20 grey values of 255, step 1/4."""
    span = float(np.ptp(values)) or 1.0
    change = np.zeros_like(values)
    for axis in (0, 1):
        step = np.diff(values, axis=axis)
        flow = step * np.exp(-((step / span * 255 / 20) ** 2))
        ends = [(1, 1) if axis == other else (0, 0) for other in (0, 1)]
        change += np.diff(np.pad(flow, ends), axis=axis)
    return values + change / 4
