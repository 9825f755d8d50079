"""Dots from full annotations: the centroid of each object of an instance mask, and what was odd about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dotbench.data.pieces import Pieces, find_pieces
from dotbench.errors import UserError

# A lone label in so many pieces is a foreground mask that was taken for an instance mask.
BINARY_PIECES = 5


def pixels(dots: np.ndarray) -> np.ndarray:
    """The pixel that each dot lies on; coordinates are those of pixel centres."""
    return np.floor(np.asarray(dots, float) + 0.5).astype(np.intp)


def masks_to_dots(
    mask: np.ndarray, min_fragment: int = 1, spacing: Sequence[float] | None = None, where: object = None
) -> tuple[np.ndarray, np.ndarray, dict]:
    """One dot for each label of an instance mask (0 is background, other ids may have gaps).

    Returns the dots (k, ndim), their labels (k,) in rising order, and a report of labels:
    objects (how many), split {label: sizes of its pieces}, border (cut by the edge of the image),
    fragments {label: sizes of pieces below min_fragment voxels}, moved (centroid lay outside the object).
    Nothing is left out: a label in several pieces is one object, because the annotator says so, and its dot
    is in its largest piece, because between the pieces there is no cell; a tiny object has its dot and is in
    the report. `spacing` (size of a voxel along each axis) says what "nearest" means when a dot must move.
    """
    mask = _checked(mask, where)
    pieces = find_pieces(mask)
    labels, largest = _largest(pieces)
    dots = pieces.centroids[largest]
    outside = np.flatnonzero(mask[tuple(pixels(dots).T)] != labels)
    for index in outside:
        dots[index] = _nearest_inside(mask, labels[index], dots[index], spacing)
    split = _sizes(pieces, _repeated(pieces.labels))
    report = {
        "objects": len(labels),
        "split": split,
        "border": _on_border(mask),
        "fragments": _sizes(pieces, pieces.sizes < min_fragment),
        "moved": labels[outside].tolist(),
    }
    large = int(np.sum(pieces.sizes >= min_fragment))
    if len(labels) == 1 and large >= BINARY_PIECES:
        raise UserError(
            f"the mask has a single label ({labels[0]}) in {large} separate pieces: "
            "it shows where cells are, not which is which",
            where=where,
            allowed="a number of its own for each cell, 0 for background",
            next="give each connected component its own number, e.g. with skimage.measure.label",
        )
    return dots, labels, report


def _checked(mask: np.ndarray, where: object) -> np.ndarray:
    if mask.ndim not in (2, 3) or mask.size == 0:
        raise UserError(
            f"a mask of shape {mask.shape}", where=where, allowed="2D (y, x) or 3D (z, y, x), not empty"
        )
    if mask.dtype == bool:
        return mask.view(np.uint8)
    if not np.issubdtype(mask.dtype, np.integer):
        raise UserError(
            f"a mask of {mask.dtype} values",
            where=where,
            allowed="integer labels",
            next="save the mask with integer labels, e.g. as 16-bit TIFF",
        )
    if np.issubdtype(mask.dtype, np.signedinteger) and mask.min() < 0:
        raise UserError(f"a mask with the negative label {mask.min()}", where=where, allowed="0 and above")
    return mask


def _largest(pieces: Pieces) -> tuple[np.ndarray, np.ndarray]:
    """Each label and the index of its largest piece; of equal ones, the first."""
    order = np.lexsort((-pieces.sizes, pieces.labels))
    labels, first = np.unique(pieces.labels[order], return_index=True)
    return labels.astype(np.int64), order[first]


def _repeated(labels: np.ndarray) -> np.ndarray:
    _, inverse, count = np.unique(labels, return_inverse=True, return_counts=True)
    return count[inverse] > 1


def _sizes(pieces: Pieces, which: np.ndarray) -> dict[int, list[int]]:
    """The sizes of the chosen pieces, largest first, by label."""
    found: dict[int, list[int]] = {}
    for label, size in sorted(
        zip(pieces.labels[which].tolist(), (-pieces.sizes[which]).tolist(), strict=True)
    ):
        found.setdefault(label, []).append(-size)
    return found


def _on_border(mask: np.ndarray) -> list[int]:
    """Labels on a face of the image; an axis with a single plane cuts nothing."""
    faces = [np.unique(mask.take((0, -1), axis)) for axis, size in enumerate(mask.shape) if size > 1]
    labels = np.unique(np.concatenate([np.zeros(1, mask.dtype), *faces]))
    return labels[labels != 0].tolist()


def _nearest_inside(
    mask: np.ndarray, label: int, dot: np.ndarray, spacing: Sequence[float] | None
) -> np.ndarray:
    """The voxel of the object that is nearest to the dot, looked for in growing windows."""
    spacing = np.ones(mask.ndim) if spacing is None else np.asarray(spacing, float)
    reach = 2 * spacing.max()
    while True:
        low = np.maximum(np.ceil(dot - reach / spacing), 0).astype(int)
        high = np.floor(dot + reach / spacing).astype(int) + 1
        window = mask[tuple(slice(*ends) for ends in zip(low, high, strict=True))]
        inside = np.argwhere(window == label) + low
        distance = np.sum(((inside - dot) * spacing) ** 2, axis=1)
        # A voxel in a corner of the window may be farther than one just outside of it.
        if len(inside) and distance.min() <= reach**2:
            return inside[distance.argmin()].astype(float)
        reach *= 2
