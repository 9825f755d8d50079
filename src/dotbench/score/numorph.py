"""The rule by which NuMorph (Krupa 2021), and after it Guo 2022, count hits in 3D."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dotbench.data.dots import pixels

# Nuclei centred nearer than this many voxels to the first and last plane of the annotation are neither counted nor held
# against anyone. (The script asks for 3 on both sides, and counts from 1.)
FIRST, LAST = 2, 3


def numorph(volumes: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, float | None]:
    """Precision and recall are means over (labels, predicted dots) of each volume, as in the released script.

    A nucleus with exactly one dot is correct, with more it is `multiple`, with none it is missed; a dot on the
    background is `empty`. The script also tells a merge from a miss, which needs the predicted mask; both lower the
    recall alike, so dots are enough. Its slice-wise watershed and its intensity filter belong to NuMorph's own
    pipeline and are left out, for all methods alike.
    """
    scores = [_volume(labels, dots) for labels, dots in volumes]
    # Where nothing is predicted there is no precision; the recall of such a volume, 0, counts all the same.
    precision, recall = (_mean(values) for values in zip(*scores, strict=True))
    if recall is None or precision is None:
        return {"precision": precision, "recall": recall, "f1": None if recall is None else 0.0}
    both = precision + recall
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / both if both else 0.0}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _volume(labels: np.ndarray, dots: np.ndarray) -> tuple[float | None, float | None]:
    from scipy.ndimage import find_objects

    # The annotation's bounding box is all that the script looks at.
    boxes = find_objects((labels > 0).astype(np.uint8))
    if not boxes:
        return None, None
    box = boxes[0]
    low = np.array([side.start for side in box])
    labels = labels[box]
    place = pixels(dots.reshape(-1, labels.ndim)) - low
    place = place[((place >= 0) & (place < labels.shape)).all(axis=1)]
    names, voxels = np.unique(labels, return_inverse=True)
    voxels = voxels.reshape(labels.shape)
    size = np.bincount(voxels.ravel(), minlength=len(names))
    ignored = np.zeros(len(names), bool)
    for axis, length in enumerate(labels.shape):
        along = np.arange(length).reshape([-1 if a == axis else 1 for a in range(labels.ndim)])
        centre = np.bincount(voxels.ravel(), np.broadcast_to(along, labels.shape).ravel(), len(names)) / size
        ignored |= (centre < FIRST) | (centre > length - 1 - LAST)
    background = names == 0
    # The script intersects voxels, so dots on one voxel of a nucleus are one; on the background each is an error.
    hits = np.bincount(voxels[tuple(np.unique(place, axis=0).T)], minlength=len(names))
    empty = int(background[voxels[tuple(place.T)]].sum())
    counted = ~ignored & ~background
    correct, multiple = int((hits[counted] == 1).sum()), int((hits[counted] > 1).sum())
    missed = int((hits[counted] == 0).sum())
    predicted, true = correct + multiple + empty, correct + missed
    return (correct / predicted if predicted else None, correct / true if true else None)
