"""Where cells are: 1 inside, 0 outside, from the dataset's masks or from discs round the dots."""

from __future__ import annotations

import numpy as np

from dotbench.cards.kernels import CentralSlice, Foreground, ForegroundBoundary
from dotbench.errors import UserError
from dotbench.targets.distance import nearest_dot

DUPLICATES = "the map shows them as one"


def draw(
    dots: np.ndarray,
    shape: tuple[int, ...],
    kernel: Foreground,
    unit: tuple[float, ...],
    labels: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    return (cells(dots, shape, kernel, unit, labels) > 0).astype(np.float32), 0.0


def peak(kernel: Foreground, unit: tuple[float, ...]) -> float:
    return 1.0


def cells(
    dots: np.ndarray,
    shape: tuple[int, ...],
    kernel: Foreground | ForegroundBoundary | CentralSlice,
    unit: tuple[float, ...],
    labels: np.ndarray | None,
) -> np.ndarray:
    """Instance labels: the masks as they are, or discs that share the ground between near dots."""
    if kernel.source == "masks":
        if labels is None:
            raise UserError(
                f"kernel {kernel.name} with source: masks, but the image has no instance mask",
                allowed="masks (where the dataset has them), discs",
                next="set `source: discs` and a `radius` in the method's kernel",
            )
        return labels
    if kernel.radius is None:
        raise UserError(
            f"kernel {kernel.name} with source: discs needs a radius",
            next="set `radius`, in pixels, in the method's kernel",
        )
    if not len(dots):
        return np.zeros(shape, np.int32)
    distance, owner = nearest_dot(dots, shape, unit)
    return np.where(distance <= kernel.radius, owner, 0)
