"""Two maps: inside of cells, and the seam between cells that touch, so that a network learns to part them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from dotbench.cards.kernels import ForegroundBoundary
from dotbench.targets.foreground import cells

DUPLICATES = "the map shows them as one"


def draw(
    dots: np.ndarray,
    shape: tuple[int, ...],
    kernel: ForegroundBoundary,
    unit: tuple[float, ...],
    labels: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    label = cells(dots, shape, kernel, unit, labels)
    seam = _seam(label, kernel.width)
    return np.stack([(label > 0) & ~seam, seam]).astype(np.float32), 0.0


def peak(kernel: ForegroundBoundary, unit: tuple[float, ...]) -> float:
    return 1.0


def _seam(label: np.ndarray, width: int) -> np.ndarray:
    """Voxels of a cell with another cell at most `width` voxels away, diagonals included."""
    window = 2 * width + 1
    highest = ndimage.maximum_filter(label, window)
    lowest = ndimage.minimum_filter(np.where(label > 0, label, np.iinfo(label.dtype).max), window)
    return (label > 0) & ((highest != label) | (lowest != label))
