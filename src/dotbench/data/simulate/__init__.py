"""Simulated microscope images of which everything is known, after Lehmussola's SIMCEP (IEEE TMI 26:1010, 2007)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Simulated:
    """An image with its truth: dot k is the centre of the cell that has label k + 1 in the mask."""

    image: np.ndarray
    mask: np.ndarray
    """int32; a cell that others hide completely has a dot but no pixel"""
    dots: np.ndarray
    """(cells, ndim), (z,)y,x"""
