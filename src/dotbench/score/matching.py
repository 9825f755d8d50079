"""Which prediction hits which cell: one to one, first as many pairs as possible, then as close as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from dotbench.data.dots import pixels
from dotbench.score.assignment import Graph, cheapest_largest_matching, largest_matching, surplus_nodes

DENSE = 1_000_000
"""pairs of dots, near or far, up to which a table of all distances is the quickest"""
CROWD = 500_000
"""pairs within the radius above which the closest matching is not looked for"""
NEIGHBOURS = 10
"""of each dot that a crowd looks at together"""


@dataclass(frozen=True)
class Matches:
    pairs: np.ndarray
    """(m, 2): index of the true dot, index of the predicted dot"""
    distances: np.ndarray
    """(m,)"""


@dataclass(frozen=True)
class Near:
    """Pairs of a true and a predicted dot that may match, and how far apart they are."""

    true: int
    predicted: int
    i: np.ndarray
    j: np.ndarray
    distances: np.ndarray

    @property
    def graph(self) -> Graph:
        return Graph(self.true, self.predicted, self.i, self.j)

    def within(self, radius: float) -> Near:
        kept = self.distances <= radius
        return Near(self.true, self.predicted, self.i[kept], self.j[kept], self.distances[kept])


def match(true: np.ndarray, predicted: np.ndarray, radius: float) -> Matches:
    """The optimal assignment of points to points at most `radius` apart.

    Coordinates and radius share one unit: scale them by the size of a voxel first. In a crowd of more than CROWD pairs
    within the radius one could as well match at random: there the pairs are as many as possible all the same, but not
    the closest, so that time and memory stay bounded whatever a method predicts.
    """
    if not len(true) or not len(predicted):
        return _matches(true, predicted, np.empty((0, 2), int))
    if len(true) * len(predicted) <= DENSE:
        return _matches(true, predicted, _match_dense(true, predicted, radius))
    if _count(true, predicted, radius) > CROWD:
        return _matches(true, predicted, _match_crowd(true, predicted, radius))
    near = _near(true, predicted, radius)
    return _matches(true, predicted, _pairs(cheapest_largest_matching(near.graph, near.distances)))


def hits(units: Sequence[tuple[np.ndarray, np.ndarray]], radii: Sequence[float]) -> np.ndarray:
    """How many pairs `match` finds in each unit (true dots, predicted dots) at each radius: (units, radii).

    One search for neighbours a unit and one matching a radius, of all units side by side: which of the pairs are closest
    does not matter here.
    """
    found = np.zeros((len(units), len(radii)), int)
    calm: list[tuple[int, Near]] = []
    for unit, (true, predicted) in enumerate(units):
        if not len(true) or not len(predicted):
            continue
        if len(true) * len(predicted) > CROWD and _count(true, predicted, max(radii)) > CROWD:
            found[unit] = [len(match(true, predicted, radius).pairs) for radius in radii]
        else:
            calm.append((unit, _near(true, predicted, max(radii))))
    if calm:
        owner = np.repeat([unit for unit, _ in calm], [near.true for _, near in calm])
        together = _side_by_side([near for _, near in calm])
        for column, radius in enumerate(radii):
            matched = largest_matching(together.within(radius).graph) >= 0
            found[:, column] += np.bincount(owner[matched], minlength=len(units))
    return found


def match_mask(labels: np.ndarray, predicted: np.ndarray, true: np.ndarray | None = None) -> Matches:
    """A prediction hits the cell whose mask it lies in; of several in one mask the first hits.

    The first column of the pairs is the index of the `true` dot in that mask (a mask without a dot cannot be hit), or,
    without `true`, the label. Distances are zero: inside is inside.
    """
    names = _labels_at(labels, predicted)
    found, first = np.unique(names, return_index=True)
    found, first = found[found != 0], first[found != 0]
    if true is not None:
        cells, index = np.unique(_labels_at(labels, true), return_index=True)
        known = np.isin(found, cells)
        found, first = index[np.searchsorted(cells, found[known])], first[known]
    order = np.argsort(found, kind="stable")
    return Matches(np.column_stack([found, first])[order].astype(int), np.zeros(len(found)))


def _labels_at(labels: np.ndarray, dots: np.ndarray) -> np.ndarray:
    """The label below each dot; 0 for background and outside."""
    place = pixels(np.reshape(dots, (-1, labels.ndim)))
    inside = ((place >= 0) & (place < labels.shape)).all(axis=1)
    names = np.zeros(len(place), labels.dtype)
    names[inside] = labels[tuple(place[inside].T)]
    return names


def _count(true: np.ndarray, predicted: np.ndarray, radius: float) -> int:
    return int(KDTree(true).count_neighbors(KDTree(predicted), radius))


def _near(true: np.ndarray, predicted: np.ndarray, radius: float) -> Near:
    found = KDTree(true).sparse_distance_matrix(KDTree(predicted), radius, output_type="ndarray")
    return Near(len(true), len(predicted), found["i"], found["j"], found["v"])


def _side_by_side(parts: Sequence[Near]) -> Near:
    rows = np.cumsum([0, *(near.true for near in parts)])
    columns = np.cumsum([0, *(near.predicted for near in parts)])
    return Near(
        int(rows[-1]),
        int(columns[-1]),
        np.concatenate([near.i + row for near, row in zip(parts, rows, strict=False)]),
        np.concatenate([near.j + column for near, column in zip(parts, columns, strict=False)]),
        np.concatenate([near.distances for near in parts]),
    )


def _matches(true: np.ndarray, predicted: np.ndarray, pairs: np.ndarray) -> Matches:
    i, j = pairs.T
    return Matches(pairs, np.sqrt(((true[i] - predicted[j]) ** 2).sum(axis=1)))


def _pairs(partner: np.ndarray) -> np.ndarray:
    matched = np.flatnonzero(partner >= 0)
    return np.column_stack([matched, partner[matched]])


def _match_dense(true: np.ndarray, predicted: np.ndarray, radius: float) -> np.ndarray:
    far = cdist(true, predicted)
    # To leave a pair out costs more than all distances could save.
    alone = radius * (min(far.shape) + 1) + 1
    cost = np.where(far <= radius, far, alone)
    pairs = np.column_stack(linear_sum_assignment(cost))
    return pairs[cost[tuple(pairs.T)] < alone]


def _match_crowd(true: np.ndarray, predicted: np.ndarray, radius: float) -> np.ndarray:
    """Looks at some neighbours of each dot, and at as many more as it takes to have all pairs there can be."""
    rng = np.random.default_rng(0)
    edges = _some_near(true, predicted, radius, rng)
    while True:
        i, j = np.unique(edges, axis=0).T
        graph = Graph(len(true), len(predicted), i, j)
        partner = largest_matching(graph)
        surplus = surplus_nodes(graph, partner)
        # Only a dot that is too many, next to a prediction that no such dot competes for, can make one pair more.
        dots, free = np.flatnonzero(surplus[: len(true)]), np.flatnonzero(~surplus[len(true) :])
        more = _some_near(true[dots], predicted[free], radius, rng)
        if not len(more):
            return _pairs(partner)
        edges = np.concatenate([edges, np.column_stack([dots[more[:, 0]], free[more[:, 1]]])])


def _some_near(points: np.ndarray, others: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """The nearest within the radius of each point and of each other, and some random ones: where many share the same
    nearest, those make pairs possible. Empty only if no pair is that near."""
    if not len(points) or not len(others):
        return np.empty((0, 2), int)
    drawn = np.column_stack(
        [np.tile(np.arange(len(points)), NEIGHBOURS), rng.integers(0, len(others), NEIGHBOURS * len(points))]
    )
    drawn = drawn[((points[drawn[:, 0]] - others[drawn[:, 1]]) ** 2).sum(axis=1) <= radius**2]
    return np.concatenate(
        [_nearest(points, others, radius), _nearest(others, points, radius)[:, ::-1], drawn]
    )


def _nearest(points: np.ndarray, others: np.ndarray, radius: float) -> np.ndarray:
    k = min(NEIGHBOURS, len(others))
    # The search leaves out what lies exactly at its bound.
    bound = np.nextafter(radius, np.inf)
    distance, index = KDTree(others).query(points, np.arange(1, k + 1), distance_upper_bound=bound)
    return np.column_stack([np.repeat(np.arange(len(points)), k), index.ravel()])[
        np.isfinite(distance).ravel()
    ]
