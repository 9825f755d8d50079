"""Smaller maps with the same sum, for networks whose output is coarser than their input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dotbench.errors import UserError


def downsample_sum(map: np.ndarray, factors: int | Sequence[int]) -> np.ndarray:
    """Sums over blocks; what does not fill a block at the end of an axis is summed too, so nothing is lost."""
    factors = (factors,) * map.ndim if isinstance(factors, int) else tuple(factors)
    if len(factors) != map.ndim or min(factors) < 1:
        raise UserError(
            f"factors {factors} for {map.ndim} axes", allowed=f"{map.ndim} whole numbers from 1 on"
        )
    padded = np.pad(map, [(0, -size % factor) for size, factor in zip(map.shape, factors, strict=True)])
    blocks = [
        part for size, factor in zip(padded.shape, factors, strict=True) for part in (size // factor, factor)
    ]
    return padded.reshape(blocks).sum(axis=tuple(range(1, 2 * map.ndim, 2)))
