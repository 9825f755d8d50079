"""Maps to dots: known peaks are found, plateaus are one dot, thresholds come from validation images."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from dotbench.cards.kernels import Gaussian, InverseDistance
from dotbench.cards.method import Detect, NetworkDetect
from dotbench.errors import UserError
from dotbench.predict.detect import DEFAULT_THRESHOLD, THRESHOLDS, choose_threshold, detect
from dotbench.targets import kernel_peak, render

MAPS = arrays.arrays(
    np.float32,
    st.sampled_from([(1, 7), (5, 6), (3, 4, 5)]),
    elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0]),
)
both = pytest.mark.parametrize("how", ["local_maxima", "components"])


def brute_maxima(image, level):
    """Connected plateaus without a higher or equal pixel beside them."""
    ones, found = np.ones((3,) * image.ndim), []
    for value in np.unique(image[image >= level]):
        plateaus, count = ndimage.label(image == value, ones)
        for plateau in range(1, count + 1):
            inside = plateaus == plateau
            around = ndimage.binary_dilation(inside, ones) & ~inside
            if around.any() and image[around].max() < value:
                found.append((*np.argwhere(inside).mean(0).round(6).tolist(), float(value)))
    return sorted(found)


def rows(dots, scores):
    return sorted((*dot, score) for dot, score in zip(dots.round(6).tolist(), scores.tolist(), strict=True))


@settings(max_examples=150, deadline=None)
@given(image=MAPS, threshold=st.sampled_from([0.25, 0.3, 1.0]))
def test_local_maxima_are_their_definition(image, threshold):
    dots, scores = detect(image, Detect(threshold=threshold), peak=1.0)
    everything = brute_maxima(image, threshold)
    if all(np.linalg.norm(np.subtract(a[:-1], b[:-1])) > 1 for a in everything for b in everything if a != b):
        assert rows(dots, scores) == everything


@settings(max_examples=100, deadline=None)
@given(image=MAPS, threshold=st.sampled_from([0.25, 0.3, 1.0]))
def test_components_are_their_definition(image, threshold):
    dots, scores = detect(image, Detect(how="components", threshold=threshold), peak=1.0)
    labels, count = ndimage.label(image >= threshold, np.ones((3,) * image.ndim))
    expected = [
        (*np.argwhere(labels == i).mean(0).round(6).tolist(), float(image[labels == i].max()))
        for i in range(1, count + 1)
    ]
    assert rows(dots, scores) == sorted(expected)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 999), distance=st.integers(1, 6))
def test_min_distance_keeps_the_highest(seed, distance):
    image = np.random.default_rng(seed).random((14, 15))
    dots, scores = detect(image, Detect(threshold=0.01), 1.0)
    order = np.argsort(-scores)
    expected = []
    for index in order:
        if all(np.linalg.norm(dots[index] - dots[other]) > distance for other in expected):
            expected.append(index)
    kept, _ = detect(image, Detect(threshold=0.01, min_distance=distance), 1.0)
    assert sorted(kept.tolist()) == sorted(dots[expected].tolist())
    assert len(kept) < 2 or (cdist(kept, kept) + 99 * np.eye(len(kept))).min() > distance


@both
@pytest.mark.parametrize("ndim", [2, 3])
def test_rendered_cells_are_found_again(how, ndim):
    shape = (40, 45) if ndim == 2 else (18, 30, 33)
    dots = np.argwhere(np.ones([size // 9 for size in shape])) * 9.0 + 4
    for kernel in (Gaussian(sigma=1.5, scale=100), InverseDistance()):
        peak = kernel_peak(kernel, ndim)
        found, scores = detect(render(dots, shape, kernel).map, Detect(how=how, threshold=0.5), peak)
        assert sorted(found.round(3).tolist()) == sorted(dots.tolist())
        np.testing.assert_allclose(scores, peak, rtol=0.02)


@pytest.mark.parametrize("shape", [(40, 45), (18, 30, 33)])
def test_peeling_finds_cells_that_have_no_maximum_of_their_own(shape):
    kernel = Gaussian(sigma=2, scale=100)
    middle = np.array(shape) // 2
    # Two lie closer than two sigmas, two on the same pixel, and one by itself at the border.
    dots = np.array(
        [middle, middle + [*[0] * (len(shape) - 1), 3], middle - 7, middle - 7, 0 * middle], float
    )
    map, peak = render(dots, shape, kernel).map, kernel_peak(kernel, len(shape))
    highest, _ = detect(map, Detect(min_distance=6, threshold=0.5), peak)
    assert len(highest) == 3
    found, scores = detect(map, NetworkDetect(how="peeling", min_distance=6, threshold=0.5), peak, kernel)
    assert len(found) == len(scores) == len(dots)
    true, seen = linear_sum_assignment(cdist(dots, found))
    assert cdist(dots, found)[true, seen].max() < 4


@pytest.mark.parametrize("shape", [(40, 45), (18, 30, 33)])
def test_sharpening_parts_cells_that_have_joined(shape, monkeypatch):
    middle = np.array(shape) // 2
    dots = np.array([middle, middle + [*[0] * (len(shape) - 1), 3], middle // 2], float)
    kernel = InverseDistance()
    blurred = ndimage.gaussian_filter(render(dots, shape, kernel).map, 1.2)
    plain, sharp = Detect(min_distance=2), Detect(min_distance=2, sharpen=4)
    assert len(detect(blurred, plain, 1.0)[0]) == 2
    found, scores = detect(blurred, sharp, 1.0)
    true, seen = linear_sum_assignment(cdist(dots, found))
    assert len(found) == len(scores) == len(dots)
    assert cdist(dots, found)[true, seen].max() < 1
    # Large maps are looked at slab by slab.
    monkeypatch.setattr("dotbench.predict.detect.SLAB", 5 * np.prod(shape[1:]))
    assert rows(*detect(blurred, sharp, 1.0)) == rows(found, scores)


def test_only_maxima_are_sharpened():
    with pytest.raises(ValueError, match="sharpen goes with how: local_maxima, not with components"):
        Detect(how="components", sharpen=1)


def test_peeling_ends_on_maps_that_no_cells_could_make():
    map = np.zeros((30, 30), np.float32)
    map[10:20, 10:20] = 1e6
    kernel = Gaussian(sigma=2)
    dots, _ = detect(map, NetworkDetect(how="peeling", threshold=0.5), kernel_peak(kernel, 2), kernel)
    assert len(dots)


def test_plateau_is_one_dot_and_a_shelf_is_none():
    image = np.zeros((7, 12))
    image[2:5, 1:4] = 1.0
    image[3, 6:11] = [1, 1, 1, 1, 2]
    dots, scores = detect(image, Detect(threshold=0.5), 1.0)
    assert rows(dots, scores) == [(3, 2, 1), (3, 10, 2)]


def test_a_pixel_at_the_threshold_counts():
    image = np.zeros((5, 5))
    image[2, 2] = 0.5
    assert len(detect(image, Detect(threshold=0.5), 1.0)[0]) == 1
    assert len(detect(image, Detect(threshold=0.51), 1.0)[0]) == 0


def test_threshold_is_a_share_of_the_lone_peak():
    image = np.zeros((5, 5))
    image[2, 2] = 3.0
    assert len(detect(image, Detect(), peak=0.99 * 3 / DEFAULT_THRESHOLD)[0]) == 1
    assert len(detect(image, Detect(), peak=1.01 * 3 / DEFAULT_THRESHOLD)[0]) == 0


@both
@pytest.mark.parametrize("shape", [(6, 8), (4, 5, 6), (1, 1)])
def test_a_map_without_cells_gives_no_dots(how, shape):
    dots, scores = detect(np.zeros(shape, np.float32), Detect(how=how), 1.0)
    assert dots.shape == (0, len(shape))
    assert scores.shape == (0,)


def test_a_constant_map_has_no_maximum():
    assert len(detect(np.full((6, 8), 5.0), Detect(), 1.0)[0]) == 0


@both
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(how, bad):
    image = np.zeros((4, 4))
    image[1, 1] = bad
    with pytest.raises(UserError, match="not finite"):
        detect(image, Detect(how=how), 1.0)


def near(truth, dots, radius):
    """Stands in for the scorer: enough for dots that are far apart."""
    hit = (
        cdist(truth, dots).min(axis=1, initial=np.inf) <= radius if len(dots) else np.zeros(len(truth), bool)
    )
    return SimpleNamespace(pairs=np.argwhere(hit))


def noisy_maps(ripples):
    """Two cells with peaks of 0.7 and one of 0.5, and ripples in between."""
    image = np.zeros((30, 30))
    truth = np.array([[5, 5], [5, 25], [25, 5]], float)
    image[5, 5] = image[5, 25] = 0.7
    image[25, 5] = 0.5
    image[15, ::3] = ripples
    return [image, np.zeros((8, 8))], [truth, np.empty((0, 2))]


@both
def test_threshold_has_the_best_f1(how):
    maps, truths = noisy_maps(ripples=0.3)
    threshold = choose_threshold(maps, truths, Detect(how=how), 1.0, 2.0, near)
    # 0.35 to 0.5 are equally good.
    assert threshold == 0.45


@both
def test_threshold_weighs_false_dots(how):
    # Ten ripples as high as the weakest cell: losing that one costs less.
    maps, truths = noisy_maps(ripples=0.5)
    assert 0.5 < choose_threshold(maps, truths, Detect(how=how), 1.0, 2.0, near) <= 0.7


def test_equal_f1_is_decided_by_counts():
    # Nothing matches, so F1 is 0 everywhere: the right number of dots is the better guess.
    maps, truths = noisy_maps(ripples=0.3)
    threshold = choose_threshold(maps, [t + 2 for t in truths], Detect(), 1.0, 0.5, near)
    assert 0.3 < threshold <= 0.5


def test_thresholds_of_a_grid_are_those_of_single_runs():
    rng = np.random.default_rng(0)
    image = ndimage.gaussian_filter(rng.random((40, 40)), 1)
    image /= image.max()
    truth = np.argwhere(rng.random((40, 40)) > 0.99).astype(float)
    seen = []

    def record(truth, dots, radius):
        seen.append(sorted(dots.tolist()))
        return near(truth, dots, radius)

    choose_threshold([image], [truth], Detect(min_distance=3), 0.9, 2.0, record)
    for dots, threshold in zip(seen, THRESHOLDS, strict=True):
        alone, _ = detect(image, Detect(min_distance=3, threshold=threshold), 0.9)
        assert dots == sorted(alone.tolist())


@pytest.mark.parametrize("truths", [[], [np.empty((0, 2))]])
def test_nothing_to_validate_on_gives_the_default(truths):
    maps = [np.zeros((5, 5))] * len(truths)
    assert choose_threshold(maps, truths, Detect(), 1.0, 2.0, near) == DEFAULT_THRESHOLD


@pytest.mark.parametrize("shape", [(40, 30), (24, 12, 14)])
def test_a_map_is_searched_in_slabs_as_in_one_piece(shape, monkeypatch):
    map = np.random.default_rng(0).random(shape).astype(np.float32)
    map[5:7] = np.round(map[5:7], 1)
    spec = Detect(how="local_maxima", min_distance=1, threshold=0.3)
    whole = detect(map, spec, 1.0)
    monkeypatch.setattr("dotbench.predict.detect.SLAB", 3 * map[0].size)
    for one, other in zip(whole, detect(map, spec, 1.0), strict=True):
        np.testing.assert_array_equal(one, other)
