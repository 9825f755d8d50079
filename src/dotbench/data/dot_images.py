"""Dots that were published as pictures: one bright pixel a cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dotbench.data.images import read_image
from dotbench.errors import UserError


def read_dot_image(path: Path, image: np.ndarray, threshold: int = 128) -> np.ndarray:
    """(k, 2) dots. Every pixel is a cell of its own: neighbouring pixels are two cells that touch, not one blob.

    A threshold half-way between black and white bears JPEG, which turns 255 into 254 and spreads some grey.
    """
    picture = read_image(path)
    if picture.shape[:2] != image.shape[:2]:
        raise UserError(
            f"the dots of {path.name} are on {picture.shape[:2]} pixels, their image has {image.shape[:2]}",
            where=path,
            next="pair the image with its own dots",
        )
    bright = picture >= threshold
    return np.argwhere(bright.any(axis=-1) if bright.ndim == 3 else bright).astype(float)
