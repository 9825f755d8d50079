"""Matching: the definition by brute force, the three ways it is computed, masks."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from dotbench.score import matching
from dotbench.score.assignment import Graph, cheapest_largest_matching, largest_matching
from dotbench.score.matching import hits, match, match_mask

# Few places, so that dots coincide and distances are equal.
places = st.tuples(st.integers(0, 6), st.integers(0, 6))
few = st.lists(places, max_size=4)
many = st.lists(places, max_size=14)
radii = st.sampled_from([1.0, 1.5, 2.0, 5.0])


def dots(points: list) -> np.ndarray:
    return np.array(points, float).reshape(-1, 2)


def by_trying_everything(true, predicted, radius) -> tuple[int, float]:
    """Most pairs, then least distance, over all ways to pair."""
    far = cdist(true, predicted)
    best = (0, 0.0)
    for size in range(1, min(far.shape) + 1):
        for rows in combinations(range(far.shape[0]), size):
            for columns in permutations(range(far.shape[1]), size):
                chosen = far[list(rows), list(columns)]
                if (chosen <= radius).all():
                    best = max(best, (size, -chosen.sum()))
    return best[0], -best[1]


def by_dense_hungarian(true, predicted, radius) -> tuple[int, float]:
    far = cdist(true, predicted)
    cost = np.where(far <= radius, far, 1e6)
    chosen = cost[linear_sum_assignment(cost)]
    return int((chosen < 1e6).sum()), chosen[chosen < 1e6].sum()


def ways(monkeypatch, way: str) -> None:
    if way != "dense":
        monkeypatch.setattr(matching, "DENSE", 0)
    if way == "crowd":
        monkeypatch.setattr(matching, "CROWD", 0)
        monkeypatch.setattr(matching, "NEIGHBOURS", 1)


def check(found, true, predicted, radius) -> None:
    assert len(set(found.pairs[:, 0])) == len(set(found.pairs[:, 1])) == len(found.pairs)
    far = np.linalg.norm(true[found.pairs[:, 0]] - predicted[found.pairs[:, 1]], axis=1)
    assert np.array_equal(far, found.distances) and (far <= radius).all()


@given(few, few, radii)
@settings(deadline=None, max_examples=40)
def test_match_is_the_best_of_all_ways_to_pair(true, predicted, radius):
    true, predicted = dots(true), dots(predicted)
    found = match(true, predicted, radius)
    check(found, true, predicted, radius)
    expected = by_trying_everything(true, predicted, radius)
    assert (len(found.pairs), found.distances.sum()) == pytest.approx(expected)


@pytest.mark.parametrize("way", ["dense", "graph", "crowd"])
def test_every_way_equals_dense_hungarian(way, monkeypatch):
    ways(monkeypatch, way)

    @given(many, many, radii)
    @settings(deadline=None, max_examples=25)
    def holds(true, predicted, radius):
        true, predicted = dots(true), dots(predicted)
        found = match(true, predicted, radius)
        check(found, true, predicted, radius)
        pairs, distance = by_dense_hungarian(true, predicted, radius)
        assert len(found.pairs) == pairs == hits([(true, predicted)], [radius])[0, 0]
        # In a crowd the closest pairs are not promised.
        assert way == "crowd" or found.distances.sum() == pytest.approx(distance)

    holds()


def test_more_pairs_come_before_closer_pairs():
    # The middle dot could take the prediction it lies on; then the outer one would go without.
    found = match(dots([(0, 0), (0, 3)]), dots([(0, 3), (0, 6)]), 3)
    assert found.pairs.tolist() == [[0, 0], [1, 1]] and found.distances.tolist() == [3, 3]


def test_radius_is_inclusive_and_dots_in_3d():
    assert len(match(np.zeros((1, 3)), np.array([[0, 3.0, 4]]), 5).pairs) == 1
    assert len(match(np.zeros((1, 3)), np.array([[0, 3.0, 4]]), 4.999).pairs) == 0


@pytest.mark.parametrize(("true", "predicted"), [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_match(true, predicted):
    true, predicted = np.zeros((true, 2)), np.zeros((predicted, 2))
    found = match(true, predicted, 5)
    assert found.pairs.shape == (0, 2) and found.distances.shape == (0,)
    assert hits([(true, predicted)], [1, 5]).tolist() == [[0, 0]]


def test_hits_of_several_units_at_several_radii():
    rng = np.random.default_rng(0)
    units = [(rng.random((k, 2)) * 30, rng.random((k + 2, 2)) * 30) for k in (0, 1, 20, 7)]
    expected = [[len(match(*unit, radius).pairs) for radius in (1, 3, 9)] for unit in units]
    assert hits(units, (1, 3, 9)).tolist() == expected
    assert hits([], (1, 3)).shape == (0, 2)


def test_many_dots_are_matched_as_by_dense_hungarian():
    # How long 10,000 take is in benchmarks/matching.py.
    rng = np.random.default_rng(0)
    true, predicted = rng.random((2, 1100, 2)) * 100
    assert len(true) * len(predicted) > matching.DENSE
    found = match(true, predicted, 4)
    assert (len(found.pairs), found.distances.sum()) == pytest.approx(by_dense_hungarian(true, predicted, 4))


def test_a_crowd_in_one_place_and_one_beside_another(monkeypatch):
    monkeypatch.setattr(matching, "DENSE", 0)
    monkeypatch.setattr(matching, "CROWD", 1000)
    rng = np.random.default_rng(0)
    here, there = rng.normal(0, 1, (300, 2)), rng.normal(3, 1, (200, 2))
    assert len(match(here, there, 20).pairs) == 200
    assert len(match(np.zeros((300, 2)), np.zeros((300, 2)), 1).pairs) == 300


def test_largest_matching_where_scipy_s_own_takes_exponential_time():
    # Layers of two nodes, each adjacent to both of the next: scipy issue 26147.
    layers = 200
    steps = [(k, a, b, step) for k in range(layers) for a in (0, 1) for b in (0, 1) for step in (0, 1)]
    i = np.array([2 * k + a for k, a, _, _ in steps])
    j = np.array([2 * k + b + 2 * step for k, _, b, step in steps])
    graph = Graph(2 * layers, 2 * layers + 2, i, j)
    assert (largest_matching(graph) >= 0).all()
    assert (cheapest_largest_matching(graph, np.ones(len(i))) >= 0).all()


class TestMasks:
    labels = np.array([[0, 0, 7, 7], [3, 3, 0, 0], [3, 3, 0, 9]])

    def test_one_hit_for_each_mask(self):
        predicted = np.array([[0, 2.4], [0.4, 3.4], [1, 1], [1, 2], [-1, 0], [2, 4]])
        assert match_mask(self.labels, predicted).pairs.tolist() == [[3, 2], [7, 0]]

    def test_pairs_name_the_true_dots(self):
        true = np.array([[2, 3.0], [0, 2], [1, 0]])  # labels 9, 7, 3
        predicted = np.array([[2, 0.0], [0, 3], [0, 2]])
        assert match_mask(self.labels, predicted, true).pairs.tolist() == [[1, 1], [2, 0]]

    def test_a_mask_without_a_dot_cannot_be_hit(self):
        assert match_mask(self.labels, np.array([[0.0, 2], [1, 0]]), np.array([[1.0, 1]])).pairs.tolist() == [
            [0, 1]
        ]

    def test_volumes_and_nothing(self):
        volume = np.stack([self.labels, np.zeros_like(self.labels)])
        assert match_mask(volume, np.array([[0, 1, 0.0], [1, 1, 0]])).pairs.tolist() == [[3, 0]]
        assert match_mask(volume, np.empty((0, 3))).pairs.shape == (0, 2)
        assert match_mask(np.zeros((4, 4), int), np.ones((3, 2))).pairs.shape == (0, 2)
