"""Gaussians stamped at the true sub-pixel places of the dots: a product of one profile along each axis."""

from __future__ import annotations

import functools

import numpy as np

from dotbench.data.dots import pixels

# In sigmas, counted from the dot's pixel; as scipy.ndimage.gaussian_filter does, so that whole-pixel dots agree.
TRUNCATE = 4.0


def stamp(
    dots: np.ndarray, shape: tuple[int, ...], sigma: np.ndarray, scale: float, border: str
) -> tuple[np.ndarray, float]:
    """The sum of all dots' Gaussians (sigma: one for each dot and axis), and the mass lost at the border in cells."""
    drawn = np.zeros(shape, np.float32)
    centre, reach = pixels(dots), _reach(sigma)
    first, last = np.maximum(centre - reach, 0), np.minimum(centre + reach, np.asarray(shape) - 1)
    profiles = [
        _profiles(*axis, border == "renormalise") for axis in zip(dots.T, shape, sigma.T, strict=True)
    ]
    mass = np.prod([profile.sum(axis=1) for profile in profiles], axis=0)
    for index, window in enumerate(zip(first, last + 1, strict=True)):
        factors = []
        for axis, profile in enumerate(profiles):
            # The dot's own pixel is in the middle of its profile.
            shift = profile.shape[1] // 2 - centre[index, axis]
            factors.append(profile[index, window[0][axis] + shift : window[1][axis] + shift])
        where = tuple(slice(*ends) for ends in zip(*window, strict=True))
        drawn[where] += scale * functools.reduce(np.multiply.outer, factors)
    return drawn, 0.0 if border == "renormalise" else float((1 - mass).sum())


def stamp_peak(sigma: np.ndarray) -> float:
    """The largest value of one dot's Gaussian, on a pixel's centre and far from the border."""
    reach = _reach(sigma)
    axes = zip(reach[:, None], 2 * reach + 1, sigma[:, None], strict=True)
    return float(np.prod([_profiles(*axis, False).max() for axis in axes]))


def _reach(sigma: np.ndarray) -> np.ndarray:
    return (TRUNCATE * sigma + 0.5).astype(np.intp)


def _profiles(place: np.ndarray, size: int, sigma: np.ndarray, renormalise: bool) -> np.ndarray:
    """Along one axis: the Gaussian of each dot (row) round its pixel, 0 outside the image."""
    pixel, reach = pixels(place), _reach(sigma)
    offset = np.arange(-reach.max(initial=0), reach.max(initial=0) + 1)
    distance = (pixel - place)[:, None] + offset
    # The nearest pixel's value is made 1 before scaling, so that no width makes all values vanish.
    exponent = (distance**2 - ((pixel - place) ** 2)[:, None]) / (2 * sigma[:, None] ** 2)
    profile = np.where(np.abs(offset) <= reach[:, None], np.exp(-exponent), 0)
    profile /= profile.sum(axis=1, keepdims=True)
    seen = pixel[:, None] + offset
    profile[(seen < 0) | (seen >= size)] = 0
    if renormalise:
        profile /= profile.sum(axis=1, keepdims=True)
    return profile
