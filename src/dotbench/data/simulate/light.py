"""Texture, uneven illumination and the camera: what turns shapes into a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from dotbench.data.simulate.options import Camera


def smooth_noise(shape: Sequence[int], sigma: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of unit variance in which neighbours are alike over about `sigma` voxels."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    if not any(sigma):
        return noise
    ndimage.gaussian_filter(noise, sigma, output=noise, mode="wrap", truncate=3)
    return noise / noise.std()


def dome(shape: Sequence[int], shift: float, dents: float, rng: np.random.Generator) -> np.ndarray:
    """Illumination of a field: from 1 at its top down to 0 in the darkest corner.

    A paraboloid whose top lies off the middle by `shift` (standard deviation, half fields), stretched along a random
    direction and bent by random cubic terms of size `dents`: a lamp that is not quite centred, flat or round.
    """
    y, x = (np.linspace(-1, 1, length, dtype=np.float32) for length in shape)
    y, x = y[:, None], x[None, :]
    top_y, top_x = rng.normal(0, shift, 2)
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(1, 3)
    along = np.cos(turn) * (y - top_y) + np.sin(turn) * (x - top_x)
    across = np.cos(turn) * (x - top_x) - np.sin(turn) * (y - top_y)
    terms = (y**3, y**2 * x, y * x**2, x**3)
    cubic = sum(size * term for size, term in zip(rng.normal(0, dents, 4), terms, strict=True))
    fall = along**2 + stretch * across**2 + cubic
    return 1 - (fall - fall.min()) / np.ptp(fall)


def expose(
    light: np.ndarray, camera: Camera, dtype: type[np.unsignedinteger], rng: np.random.Generator
) -> np.ndarray:
    """Grey levels of an amount of light, with noise, cut at the ends of the range.

    Photon noise is its normal approximation: grey levels stand for tens of photons and more.
    """
    seen = np.minimum(light, camera.full, dtype=np.float32)
    if camera.photons is not None:
        seen += rng.standard_normal(light.shape, dtype=np.float32) * np.sqrt(
            np.maximum(seen, 0) / camera.photons
        )
    if camera.read_noise:
        seen += camera.read_noise * smooth_noise(light.shape, (camera.grain,) * light.ndim, rng)
    return np.clip(np.rint(seen), 0, np.iinfo(dtype).max).astype(dtype)
