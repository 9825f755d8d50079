"""The focal inverse distance map: 1 at each dot, so that neighbours never merge (Liang 2022; Guo 2022 eq. 2)."""

from __future__ import annotations

import numpy as np

from dotbench.cards.kernels import InverseDistance
from dotbench.targets.distance import nearest_dot

DUPLICATES = "the map shows them as one"


def draw(
    dots: np.ndarray,
    shape: tuple[int, ...],
    kernel: InverseDistance,
    unit: tuple[float, ...],
    labels: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    if not len(dots):
        return np.zeros(shape, np.float32), 0.0
    return _formula(nearest_dot(dots, shape, unit)[0], kernel).astype(np.float32), 0.0


def peak(kernel: InverseDistance, unit: tuple[float, ...]) -> float:
    return float(_formula(np.zeros(1), kernel)[0])


def _formula(distance: np.ndarray, kernel: InverseDistance) -> np.ndarray:
    value = 1 / (distance ** (kernel.alpha * distance + kernel.beta) + kernel.c)
    if kernel.cut is not None:
        value[value < kernel.cut] = 0
    return kernel.scale * value
