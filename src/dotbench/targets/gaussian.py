"""Each cell is a Gaussian of mass 1: the map's sum is the count (Lempitsky 2010; Xie 2015)."""

from __future__ import annotations

import numpy as np

from dotbench.cards.kernels import Gaussian
from dotbench.targets.stamps import stamp, stamp_peak

DUPLICATES = "each counts"


def draw(
    dots: np.ndarray,
    shape: tuple[int, ...],
    kernel: Gaussian,
    unit: tuple[float, ...],
    labels: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    return stamp(dots, shape, np.tile(_sigma(kernel, unit), (len(dots), 1)), kernel.scale, kernel.border)


def peak(kernel: Gaussian, unit: tuple[float, ...]) -> float:
    return kernel.scale * stamp_peak(_sigma(kernel, unit))


def _sigma(kernel: Gaussian, unit: tuple[float, ...]) -> np.ndarray:
    return kernel.sigma / np.asarray(unit)
