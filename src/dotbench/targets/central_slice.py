"""One small disc a nucleus: its central slice, without the outer rim, so that neighbours part (Krupa 2021, NuMorph)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from dotbench.cards.kernels import CentralSlice
from dotbench.targets.foreground import cells

DUPLICATES = "the map shows them as one"

# A blob is connected within its slice, and not over corners.
IN_PLANE = ndimage.generate_binary_structure(3, 1)
IN_PLANE[[0, 2]] = False


def draw(
    dots: np.ndarray,
    shape: tuple[int, ...],
    kernel: CentralSlice,
    unit: tuple[float, ...],
    labels: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    label = cells(dots, shape, kernel, unit, labels)
    # A plane is a volume of one slice.
    volume = label.reshape((1,) * (3 - label.ndim) + label.shape)
    eroded = _eroded(_central(volume), kernel.erosion)
    return eroded.reshape(label.shape).astype(np.float32), 0.0


def peak(kernel: CentralSlice, unit: tuple[float, ...]) -> float:
    return 1.0


def _central(label: np.ndarray) -> np.ndarray:
    """Of each nucleus only its voxels in the slice nearest to its centroid."""
    inside = np.nonzero(label)
    z, (_, which) = inside[0], np.unique(label[inside], return_inverse=True)
    centre = np.bincount(which, weights=z) / np.maximum(np.bincount(which), 1)
    # A hair up, so that a centroid between two slices takes one of them.
    distance = np.abs(z - centre[which] - 1e-6)
    nearest = np.full(len(centre), np.inf)
    np.minimum.at(nearest, which, distance)
    kept = np.zeros(label.shape, bool)
    kept[inside] = distance == nearest[which]
    return kept


def _eroded(mask: np.ndarray, share: float) -> np.ndarray:
    """Each blob of a slice without the given share of its pixels: those farthest from its centroid."""
    blob, count = ndimage.label(mask, IN_PLANE)
    inside = np.nonzero(blob)
    which = blob[inside]
    size = np.bincount(which, minlength=count + 1)
    centre = [np.bincount(which, weights=axis, minlength=count + 1) / np.maximum(size, 1) for axis in inside]
    distance = sum((axis - middle[which]) ** 2 for axis, middle in zip(inside, centre, strict=True))
    # Blob by blob, the farthest pixel first; of equally far ones the first in the image.
    order = np.lexsort((-distance, which))
    first = np.cumsum(size) - size
    rank = np.empty(len(which), np.intp)
    rank[order] = np.arange(len(which)) - first[which[order]]
    kept = np.zeros(mask.shape, bool)
    kept[inside] = rank >= np.floor(share * size)[which]
    return kept
