"""From a predicted map to dots: local maxima, peeled cells or thresholded components, in any dimension."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from dotbench.cards.kernels import Kernel
from dotbench.cards.method import Detect
from dotbench.errors import UserError
from dotbench.targets import gaussian

# Without validation images nothing says how high a network's peaks are: low enough for peaks that came out
# at a third of a lone cell's, high enough for the ripples of a trained network (Xie 2015 maps: 10-20 %).
DEFAULT_THRESHOLD = 0.3
SLAB = 2**26
"""pixels of a map that are searched for maxima at once; looking for them takes several times their memory"""
HALO = 2
SIGMA, REACH = 1.0, 4
"""of the Gaussian that `sharpen` compares with, in pixels, and how far it looks"""
ROUNDS = 20
"""cells that may lie on top of each other"""
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


def detect(
    map: np.ndarray, spec: Detect, peak: float, kernel: Kernel | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Dots (k, ndim) and their scores, the (sharpened) map's highest value there.

    A pixel counts from `spec.threshold` (DEFAULT_THRESHOLD if none) times `peak`, the height of a lone cell, on.
    local_maxima: a pixel, or plateau of pixels, that is higher than all round it, once the map is sharpened; of two that
    are at most `min_distance` apart, the lower one goes. peeling: the same again and again, each time without the cells found, as
    `kernel` draws them. components: what is connected, corners included.
    """
    if not all(np.isfinite(row).all() for row in map):
        raise UserError(
            "the predicted map has values that are not finite",
            next="look at the training's history.csv: a lower learning rate or `clip` keeps the network finite",
        )
    level = (DEFAULT_THRESHOLD if spec.threshold is None else spec.threshold) * peak
    if spec.how == "components":
        return _components(map, level)
    if spec.how == "peeling":
        return _peeled(map, level, spec.min_distance, kernel)
    return _spaced(*_local_maxima(map, level, spec.sharpen), spec.min_distance)


def choose_threshold(
    maps: Sequence[np.ndarray],
    truths: Sequence[Any],
    spec: Detect,
    peak: float,
    radius: float | None,
    match: Callable[[Any, np.ndarray, float | None], Any],
    kernel: Kernel | None = None,
) -> float:
    """The threshold with the best F1 over all validation images; of equal ones, with the best counts.

    `match(truth, dots, radius).pairs` are the hits; a truth is whatever `match` understands and has a length.
    Of thresholds that are still equal the middle one is taken, which is farthest from harm. Without validation
    images, or without a dot in them, it is DEFAULT_THRESHOLD.
    """
    true = np.array([len(truth) for truth in truths])
    if not true.sum():
        return DEFAULT_THRESHOLD
    ranks = []
    found = [_at_thresholds(map, spec, peak, kernel) for map in maps]
    for index in range(len(THRESHOLDS)):
        dots = [at[index] for at in found]
        hits = sum(len(match(truth, some, radius).pairs) for truth, some in zip(truths, dots, strict=True))
        counts = np.array([len(some) for some in dots])
        ranks.append((2 * hits / (true.sum() + counts.sum()), -np.abs(counts - true).mean()))
    best = [threshold for threshold, rank in zip(THRESHOLDS, ranks, strict=True) if rank == max(ranks)]
    return best[len(best) // 2]


def _at_thresholds(map: np.ndarray, spec: Detect, peak: float, kernel: Kernel | None) -> list[np.ndarray]:
    if spec.how != "local_maxima":
        return [detect(map, spec.model_copy(update={"threshold": t}), peak, kernel)[0] for t in THRESHOLDS]
    # A maximum is only ever removed by a higher one, so those above a threshold can be taken from all.
    dots, scores = detect(map, spec.model_copy(update={"threshold": THRESHOLDS[0]}), peak)
    return [dots[scores >= threshold * peak] for threshold in THRESHOLDS]


def _peeled(map: np.ndarray, level: float, distance: float, kernel: Kernel) -> tuple[np.ndarray, np.ndarray]:
    rest = map.astype(np.float32)
    unit = (1.0,) * map.ndim
    found = []
    for _ in range(ROUNDS):
        dots, scores = _spaced(*_local_maxima(rest, level), distance)
        found.append((dots, scores))
        if not len(dots):
            break
        rest -= gaussian.draw(dots, map.shape, kernel, unit, None)[0]
    dots, scores = zip(*found, strict=True)
    return np.concatenate(dots), np.concatenate(scores)


def _local_maxima(map: np.ndarray, level: float, sharpen: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    found = [_maxima_of_slab(map, level, sharpen, slab) for slab in _slabs(map.shape)]
    places, heights = (np.concatenate(parts) for parts in zip(*found, strict=True))
    # Maxima that touch are one plateau.
    touching = (
        KDTree(places).query_pairs(1, p=np.inf, output_type="ndarray") if len(places) else np.empty((0, 2))
    )
    graph = coo_array((np.ones(len(touching), np.int8), tuple(touching.T)), shape=(len(places),) * 2)
    count, plateau = connected_components(graph, directed=False)
    scores = np.empty(count, map.dtype)
    scores[plateau] = heights
    return _means(places, plateau, count), scores


def _maxima_of_slab(
    map: np.ndarray, level: float, sharpen: float, slab: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels, and the heights that they have once sharpened."""
    from skimage.morphology import local_maxima

    # Whether a pixel is higher than all round it, its neighbours know; what sharpening makes of those, theirs.
    halo = HALO + (REACH if sharpen else 0)
    first = max(slab.start - halo, 0)
    wide = map[first : slab.stop + halo]
    if sharpen:
        wide = wide + sharpen * (wide - ndimage.gaussian_filter(wide, SIGMA, radius=REACH))
    highest = local_maxima(wide, connectivity=map.ndim)
    highest &= wide >= level
    own = slice(slab.start - first, slab.stop - first)
    places, heights = np.argwhere(highest[own]), wide[own][highest[own]]
    places[:, 0] += slab.start
    return places, heights


def _slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    thickness = max(1, SLAB // math.prod(shape[1:]))
    for start in range(0, shape[0], thickness):
        yield slice(start, min(start + thickness, shape[0]))


def _components(map: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    labels, count = ndimage.label(map >= level, np.ones((3,) * map.ndim))
    places = np.argwhere(labels)
    component = labels[tuple(places.T)] - 1
    scores = np.full(count, -np.inf, map.dtype)
    np.maximum.at(scores, component, map[tuple(places.T)])
    return _means(places, component, count), scores


def _means(places: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    if not count:
        return np.empty((0, places.shape[1]))
    sums = [np.bincount(group, axis, count) for axis in places.T]
    return np.stack(sums, axis=1) / np.bincount(group, minlength=count)[:, None]


def _spaced(dots: np.ndarray, scores: np.ndarray, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Highest first; each takes away all lower ones within the distance."""
    if len(dots) < 2:
        return dots, scores
    rank = np.empty(len(dots), np.intp)
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(dots))
    pairs = np.sort(rank[KDTree(dots).query_pairs(distance, output_type="ndarray")], axis=1)
    kept = np.ones(len(dots), bool)
    for higher, lower in pairs[np.lexsort(pairs.T[::-1])].tolist():
        if kept[higher]:
            kept[lower] = False
    kept = kept[rank]
    return dots[kept], scores[kept]
