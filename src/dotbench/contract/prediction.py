"""What a method says about one image."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Prediction:
    """A count, and where the method can say so, a dot and a score for each cell."""

    count: float
    dots: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    """(k, ndim), in pixels"""
    scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    """(k,), higher is surer"""
    map: np.ndarray | None = None
    """the predicted density, for figures"""
