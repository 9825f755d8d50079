"""The line that leads from a method's counts to true ones, fitted on images that do not test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FEWEST = 8
"""images that make a line: fewer would move the counts more by chance than by what is wrong with them"""


def fitted_line(counts: Sequence[float], true: Sequence[float]) -> tuple[float, float]:
    """Slope and offset that lead from counts to true counts; nothing is changed where there is no line to fit."""
    if len(counts) < FEWEST or np.ptp(counts) < 1e-6 * (1 + np.max(counts)):
        return 1.0, 0.0
    slope, offset = np.polyfit(counts, true, 1)
    return float(slope), float(offset)
