"""What a step looks at: which images, where, and how turned. A function of (seed, stage, step) and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Draw:
    """One batch of places in images; a step that is run again after an interruption draws the same."""

    image: np.ndarray
    """(batch,) numbers of images"""
    origin: np.ndarray
    """(batch, ndim)"""
    extent: np.ndarray
    """(batch, ndim) of the part of the image, before it is turned"""
    flip: np.ndarray
    """(batch, ndim) whether each axis of the image is reversed"""
    turn: np.ndarray
    """(batch,) whether the last two axes are exchanged"""
    shape: tuple[int, ...]
    """of the samples, after they are turned"""
    torch_seed: int
    """for what the network itself draws: dropout, noise"""


def draw(
    sizes: np.ndarray,
    batch: int,
    crop: Sequence[int] | None,
    augment: Sequence[str],
    margin: int,
    key: Sequence[int],
    step: int,
) -> Draw:
    """The batch of one step. `key` is (seed, stage, purpose): equal keys and steps give equal draws."""
    rng = np.random.default_rng([*key, 1, step])
    image = _in_turn(len(sizes), batch, key, step)
    ndim, size = sizes.shape[1], sizes[image]
    shape = size.max(axis=0)
    if crop is not None:
        # A card's crop is z, y, x; a plane takes the last two. No image need be larger than the crop.
        shape = np.minimum(crop[-ndim:], sizes.max(axis=0))
    flip, turn = _turns(rng, batch, ndim, augment)
    if crop is None and shape[-1] != shape[-2]:
        # Whole images that are not square have no quarter turn that fits beside the others; half turns do.
        flip[turn, -2:] = True
        turn[:] = False
    extent = np.tile(shape, (batch, 1))
    extent[turn, -2:] = extent[turn, -2:][:, ::-1]
    room = np.maximum(size - extent, 0)
    # Where crops start evenly, the image's border is in few of them; reaching out over it and stepping back to it
    # shows the network the border about as often as the inside.
    reach = extent // 2 if margin else 0
    origin = np.clip(np.floor(rng.random((batch, ndim)) * (room + 2 * reach + 1)) - reach, 0, room).astype(
        np.int64
    )
    return Draw(image, origin, extent, flip, turn, tuple(int(n) for n in shape), int(rng.integers(2**62)))


def _in_turn(images: int, batch: int, key: Sequence[int], step: int) -> np.ndarray:
    """Numbers of images, each image once before any comes again."""
    position = np.arange(step * batch, (step + 1) * batch)
    order = {
        p: np.random.default_rng([*key, 0, int(p)]).permutation(images) for p in np.unique(position // images)
    }
    return np.array([order[p // images][p % images] for p in position])


def _turns(
    rng: np.random.Generator, batch: int, ndim: int, augment: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    flip = rng.random((batch, ndim)) < (0.5 if "flip" in augment else 0)
    # Quarter turns in the plane only: the third axis of a volume is usually of another resolution.
    quarters = rng.integers(4, size=batch) * ("rot90" in augment)
    flip[:, -2] ^= (quarters == 1) | (quarters == 2)
    flip[:, -1] ^= (quarters == 2) | (quarters == 3)
    return flip, quarters % 2 == 1
