"""The middle of each cell: its mask in the slice of its centre, without the rim, so that neighbours stay apart (NuMorph,
Krupa 2021)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from dotbench.cards.kernels import CentralSlice
from dotbench.targets.foreground import cells

DUPLICATES = "the map shows them as one"


def draw(
    dots: np.ndarray,
    shape: tuple[int, ...],
    kernel: CentralSlice,
    unit: tuple[float, ...],
    labels: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    label = cells(dots, shape, kernel, unit, labels)
    drawn = np.zeros(shape, np.float32)
    for value, box in enumerate(ndimage.find_objects(label), start=1):
        if box is not None:
            drawn[box][tuple(_middle(np.argwhere(label[box] == value), kernel.erode).T)] = 1
    return drawn, 0.0


def peak(kernel: CentralSlice, unit: tuple[float, ...]) -> float:
    return 1.0


def _middle(places: np.ndarray, erode: float) -> np.ndarray:
    """The voxels (n, ndim) of the central plane that are nearest to its centre."""
    if places.shape[1] == 3:
        plane = places[:, 0]
        places = places[plane == plane[np.abs(plane - plane.mean()).argmin()]]
    distance = np.linalg.norm(places - places.mean(axis=0), axis=1)
    return places[np.argsort(distance, kind="stable")[: len(places) - int(erode * len(places))]]
