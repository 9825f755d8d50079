"""Xie 2015's classical competitors: their parts against what anybody can compute, and cells that anybody would count."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from dotbench.classical.density import DensityOptions, predicted, threshold, truth
from dotbench.classical.mesa import nearest, solve, worst_box
from dotbench.classical.ridge import _solve as solve_ridge
from dotbench.classical.trees import ask_forest, grow_forest
from dotbench.classical.words import Gradients, WordOptions, histogram, learn_words, words_of
from dotbench.data.dataset import Sample
from dotbench.modules import load_module, read_options

INFO = SimpleNamespace(ndim=2, spacing=None, cell_radius=3.0)
IDS = ["ridge", "mesa", "forest", "interactive"]
SMALL = {
    "ridge": {"words": 24, "samples": 3000, "sigma": 2.0},
    "mesa": {"words": 24, "samples": 3000, "sigma": 2.0},
    "forest": {"trees": 8, "samples": 8000, "sigma": 2.0},
    "interactive": {"words": 32, "word_samples": 4000, "samples": 4000},
}
methods = pytest.mark.parametrize("id", IDS)


def scene(cells, seed=0, shape=(64, 56)):
    """Bright spots at random places, at the border too."""
    rng = np.random.default_rng(seed)
    dots = rng.integers(0, shape, (cells, 2)).astype(float)
    spots = np.zeros(shape)
    np.add.at(spots, tuple(dots.astype(int).T), 1)
    image = 20 + 2000 * ndimage.gaussian_filter(spots, 2.0, mode="constant") + rng.normal(0, 2, shape)
    return Sample(f"scene{seed}", image.clip(0, 255).astype(np.uint8), dots)


def learn(id, train, validation=(), **options):
    module = load_module(f"dotbench.classical.{id}")
    options = read_options(module, {**SMALL[id], **options})
    model = module.fit(list(train), list(validation), options, INFO)

    def predict(sample):
        blind = Sample(sample.id, sample.image, roi=sample.roi)
        return module.predict(model, blind, options, INFO, np.random.default_rng(0))

    return model, predict


TRAIN = [scene(cells, seed) for seed, cells in enumerate((5, 10, 15, 20, 25, 30))]
CHECK = [scene(cells, seed) for seed, cells in enumerate((8, 18, 28), start=10)]
TEST = [scene(cells, seed) for seed, cells in enumerate((6, 12, 17, 23, 29), start=20)]


@methods
def test_cells_of_new_images_are_counted(id):
    _, predict = learn(id, TRAIN, CHECK)
    errors = [abs(predict(sample).count - len(sample.dots)) for sample in TEST]
    # The mean of the training images is wrong by 7.
    assert np.mean(errors) < 3.5


@methods
def test_equal_results_twice_and_only_the_named_arrays(id):
    first, predict = learn(id, TRAIN[:2], CHECK[:1])
    again, predict_again = learn(id, TRAIN[:2], CHECK[:1])
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert predict(TEST[0]).count == predict_again(TEST[0]).count


@methods
def test_one_training_image_and_no_validation_image(id):
    _, predict = learn(id, [scene(20)])
    assert predict(scene(20)).count == pytest.approx(20, abs=4)


@methods
def test_images_without_cells_and_without_content(id):
    flat = Sample("flat", np.full((30, 30), 7, np.uint8), np.empty((0, 2)))
    _, predict = learn(id, [flat], [flat])
    said = predict(flat)
    assert said.count == pytest.approx(0, abs=1e-6)
    assert said.dots.shape == (0, 2)


@methods
def test_colour_counts_as_grey(id):
    _, predict = learn(id, TRAIN[:2])
    grey = TEST[0]
    colour = Sample("colour", np.repeat(grey.image[..., None], 3, axis=-1))
    assert predict(colour).count == pytest.approx(predict(grey).count, rel=1e-3)


@pytest.mark.parametrize("id", [id for id in IDS if id != "ridge"])
def test_only_the_annotated_region_has_density(id):
    roi = np.zeros((64, 56), np.uint8)
    roi[:, :28] = 1
    parts = [Sample(s.id, s.image, s.dots[s.dots[:, 1] < 28], roi=roi) for s in TRAIN]
    _, predict = learn(id, parts)
    said = predict(Sample("part", TEST[4].image, roi=roi))
    assert said.map[:, 28:].max() == 0
    assert said.count == pytest.approx((TEST[4].dots[:, 1] < 28).sum(), rel=0.4)


# --- ridge -----------------------------------------------------------------------------------------------------------


def test_a_rare_word_of_cells_outweighs_the_noise_of_a_common_one():
    """One word has 30 pixels a cell; another is background, whose number varies as much by chance."""
    rng = np.random.default_rng(0)

    def images(number):
        cells = rng.integers(5, 30, number)
        counts = np.stack([rng.poisson(30 * cells), rng.poisson(400_000, number)], axis=1).astype(float)
        return np.concatenate([counts, np.zeros((number, 1))], axis=1), cells.astype(float)

    weights, bias = solve_ridge(*images(8), 1.0)
    new, true = images(200)
    assert np.isfinite(weights).all()
    # 1.05; with the penalty on the weights of plain counts 3.5.
    assert np.abs(new @ weights + bias - true).mean() < 1.5


# --- densities -------------------------------------------------------------------------------------------------------


def test_a_cell_at_the_border_has_mass_one():
    sample = Sample("a", np.zeros((20, 30)), np.array([[0.0, 0], [19, 29], [10, 10]]))
    assert truth(sample, 4.0, INFO).sum() == pytest.approx(3, rel=1e-5)


def test_the_threshold_finds_as_many_dots_as_there_are():
    sample = Sample("a", np.zeros((60, 60)), np.array([[15.0, 15], [15, 45], [45, 15], [45, 45]]))
    options = DensityOptions(sigma=2.0)
    density = truth(sample, 2.0, INFO)
    # A ripple is lower than a cell.
    density[30, 30] = 0.2 * density.max()
    level = threshold([density], [sample], options, INFO)
    said = predicted(density, level, options, INFO)
    assert sorted(said.dots.tolist()) == sorted(sample.dots.tolist())
    fixed = DensityOptions(sigma=2.0, detect={"threshold": 0.1})
    assert len(predicted(density, threshold([density], [sample], fixed, INFO), fixed, INFO).dots) == 5


# --- words -----------------------------------------------------------------------------------------------------------


def test_descriptors_do_not_see_contrast_or_brightness():
    image = TEST[0].image.astype(np.float32)
    pixels = np.arange(image.size)
    dull, weak = Gradients.of(40 + 0.3 * image, 3).describe(pixels)
    found, strong = Gradients.of(image, 3).describe(pixels)
    np.testing.assert_allclose(found, dull, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(weak, 0.3 * strong, rtol=1e-3)


def test_descriptors_tell_directions_and_places():
    ramp = np.tile(np.arange(40.0), (40, 1))
    middle = np.array([20 * 40 + 20])
    along, across = (Gradients.of(values, 3).describe(middle)[0].reshape(16, 8) for values in (ramp, ramp.T))
    assert (along[:, 0] > 0).all() and not along[:, 1:].any()
    assert (across[:, 2] > 0).all() and not np.delete(across, 2, axis=1).any()
    corner = np.zeros((40, 40))
    corner[:16, :16] = 1
    cells = Gradients.of(corner, 3).describe(middle)[0].reshape(16, 8).sum(axis=1)
    assert cells.argmax() == 0


def test_words_of_an_image_cover_it_and_its_region_only():
    model = learn_words(TRAIN[:2], WordOptions(words=10, samples=500), 2.0, INFO)
    assert model["words"].shape == (10, 128)
    found = words_of(TEST[0], model, 3)
    assert found.shape == TEST[0].image.shape
    assert histogram(found, 10).sum() == found.size
    roi = np.zeros(found.shape, np.uint8)
    roi[:10] = 1
    part = words_of(Sample("a", TEST[0].image, roi=roi), model, 3)
    assert np.array_equal(part[:10], found[:10])
    assert histogram(part, 10).sum() == 10 * found.shape[1]


def test_dim_words_of_noise_are_few():
    def dark(options):
        model = learn_words(TRAIN[:2], options, 2.0, INFO)
        noise = Sample("noise", np.random.default_rng(0).normal(20, 2, (64, 56)))
        return len(np.unique(words_of(noise, model, 3)))

    options = WordOptions(words=40, samples=4000)
    assert dark(options.model_copy(update={"dim": 1.0})) < dark(options) / 2


# --- forest ----------------------------------------------------------------------------------------------------------


def test_trees_learn_a_step_and_leaves_are_not_small():
    rng = np.random.default_rng(0)
    features = rng.random((2000, 3)).astype(np.float32)
    labels = np.stack([features[:, 1] > 0.5, features[:, 2] > 0.3], axis=1).astype(np.float32)
    forest = grow_forest(features, labels, trees=5, leaf=20, tries=5, rng=rng)
    answers = ask_forest(forest, rng.random((500, 3)).astype(np.float32))
    assert answers.shape == (500, 2)
    assert ((answers >= -1e-6) & (answers <= 1 + 1e-6)).all()
    fresh = rng.random((500, 3)).astype(np.float32)
    right = np.stack([fresh[:, 1] > 0.5, fresh[:, 2] > 0.3], axis=1)
    assert ((ask_forest(forest, fresh) > 0.5) == right).mean() > 0.97
    one = grow_forest(features, labels, trees=1, leaf=20, tries=5, rng=np.random.default_rng(1))
    some = np.random.default_rng(1).integers(2000, size=2000)
    nodes = _walk(one, features[some])
    assert np.unique(nodes, return_counts=True)[1].min() >= 20
    for node in np.unique(nodes)[:5]:
        np.testing.assert_allclose(one["value"][node], labels[some][nodes == node].mean(axis=0), atol=1e-5)


def _walk(forest, features):
    """The leaf of each sample, one by one."""
    found = []
    for sample in features:
        node = int(forest["roots"][0])
        while forest["child"][node] != node:
            node = int(forest["child"][node] + (sample[forest["feature"][node]] >= forest["cut"][node]))
        found.append(node)
    return np.array(found)


def test_trees_of_samples_that_are_all_alike_are_leaves():
    same = np.ones((50, 2), np.float32)
    forest = grow_forest(same, same, trees=2, leaf=5, tries=3, rng=np.random.default_rng(0))
    assert len(forest["cut"]) == 2
    np.testing.assert_allclose(ask_forest(forest, same), 1)


def test_the_forest_promises_as_much_as_there_is_near_the_border_too():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[4:64:8, 4:56:8]
    even = Sample(
        "even", rng.normal(100, 5, (64, 56)), np.stack([y.ravel(), x.ravel()], axis=1).astype(float)
    )
    _, predict = learn("forest", [even], sigma=8.0)
    # One cell fewer if there were nothing beyond the border.
    assert predict(even).count == pytest.approx(len(even.dots), abs=0.5)


def test_the_counts_of_the_forest_follow_those_of_validation_images():
    check = [scene(cells, seed) for seed, cells in enumerate(range(4, 36, 3), start=50)]
    # As if every second cell of a validation image had no dot: then a count means half as many.
    half = [Sample(sample.id, sample.image, sample.dots[::2]) for sample in check]

    def counts(validation, **options):
        _, predict = learn("forest", TRAIN, validation, **options)
        return np.array([predict(sample).count for sample in TEST])

    np.testing.assert_allclose(counts(half, calibrate="validation"), counts(half) / 2, rtol=0.1, atol=0.7)
    np.testing.assert_array_equal(counts([], calibrate="validation"), counts([]))


def test_the_forest_does_not_take_background_for_cells():
    def wrong(**options):
        _, predict = learn("forest", TRAIN, CHECK, **options)
        shown = [Sample(sample.id, sample.image + 30.0, sample.dots) for sample in TEST]
        return np.mean([abs(predict(sample).count - len(sample.dots)) for sample in shown])

    assert wrong(background=15) < 2
    assert wrong() > 20


# --- MESA ------------------------------------------------------------------------------------------------------------


def test_the_worst_box_is_the_best_of_all_boxes():
    rng = np.random.default_rng(0)
    for shape in ((5, 7), (1, 6), (6, 1)):
        values = rng.normal(size=shape)
        sums = {
            (a, b, c, d): values[a:b, c:d].sum()
            for a in range(shape[0])
            for b in range(a + 1, shape[0] + 1)
            for c in range(shape[1])
            for d in range(c + 1, shape[1] + 1)
        }
        found, (rows, columns) = worst_box(values)
        assert found == pytest.approx(max(sums.values()))
        assert sums[rows.start, rows.stop, columns.start, columns.stop] == pytest.approx(found)


def test_the_shortest_vector_under_constraints():
    rows = np.array([[1.0, 0], [0, 1], [1, 1]])
    np.testing.assert_allclose(nearest(rows, np.array([1.0, -5, 4])), [2, 2], atol=1e-9)
    np.testing.assert_allclose(nearest(rows, np.array([3.0, -5, 4])), [3, 1], atol=1e-9)


def test_mesa_finds_the_density_of_each_word():
    rng = np.random.default_rng(0)
    known = [rng.integers(0, 4, (16, 20)) for _ in range(3)]
    weights = np.array([0.0, 0.1, 0.2, 0.4])
    found = solve(known, [weights[image] for image in known], 4, price=1e6)
    np.testing.assert_allclose(found, weights, atol=0.003)


def test_mesa_is_the_minimum_of_what_it_says():
    rng = np.random.default_rng(1)
    known = [rng.integers(0, 3, (6, 5)) for _ in range(2)]
    true = [rng.random((6, 5)) for _ in known]
    unit = np.mean(true)

    def loss(weights):
        errors = [weights[image] - density for image, density in zip(known, true, strict=True)]
        worst = [max(worst_box(error)[0], worst_box(-error)[0]) for error in errors]
        return (weights / unit) @ (weights / unit) / 2 + 3.0 * np.mean(worst)

    found = solve(known, true, 3, price=3.0)
    nearby = [np.maximum(found + rng.normal(0, 0.05, 3), 0) for _ in range(200)]
    assert loss(found) <= min(map(loss, nearby)) * 1.005
