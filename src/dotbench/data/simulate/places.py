"""How many cells there are and where, in two or three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from scipy.special import ndtr, ndtri

from dotbench.data.simulate.options import Count, Places

# Beyond this many tries an image is full: the cell is put down anyway, since the count was promised.
TRIES = 50


class Scattered(Protocol):
    """What is asked of the options of a simulator."""

    places: Places
    radius: float


def draw_count(count: Count, share: float, rng: np.random.Generator) -> int:
    """Cells in `share` fields, by inversion: always one random number, wherever the ends cut."""
    chance = rng.random()
    drawn = count.mean
    if count.sd:
        low, high = (ndtr((end - count.mean) / count.sd) for end in (count.low, count.high))
        drawn = np.clip(count.mean + count.sd * ndtri(low + chance * (high - low)), count.low, count.high)
    return round(float(drawn) * share)


def scatter(
    size: Sequence[int],
    spacing: Sequence[float],
    number: int,
    share: float,
    options: Scattered,
    rng: np.random.Generator,
) -> np.ndarray:
    """Centres in voxel coordinates, none beyond the centre of an outermost voxel; distances are physical."""
    places, spacing = options.places, np.asarray(spacing, float)
    extent = (np.asarray(size) - 1) * spacing
    middles = rng.uniform(0, extent, (max(1, round(places.clusters * share)), len(extent)))
    closest = (places.separation * options.radius) ** 2
    found = np.empty((number, len(extent)))
    for k in range(number):
        free = rng.random() < places.overlap
        middle = middles[rng.integers(len(middles))] if rng.random() < places.clustered else None
        for _ in range(TRIES):
            place = rng.uniform(0, extent) if middle is None else rng.normal(middle, places.spread)
            if np.any(place < 0) or np.any(place > extent):
                continue
            if free or k == 0 or ((found[:k] - place) ** 2).sum(axis=1).min() >= closest:
                break
        found[k] = np.clip(place, 0, extent)
    return found / spacing
