"""Controls and simple image processing: bounds that must hold, and cells that anybody would find."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from dotbench.cards import card_ids, load_dataset, load_method
from dotbench.classical.density_area import Options as DensityOptions
from dotbench.classical.foreground import ForegroundOptions, foreground
from dotbench.classical.otsu_components import Options as OtsuOptions
from dotbench.classical.otsu_components import cell_size, proposals
from dotbench.data.dataset import Dataset, Sample
from dotbench.errors import UserError
from dotbench.modules import load_module, read_options

RADIUS = 4


def dataset_card(ndim, spacing, cell_radius):
    return load_dataset("vgg").model_copy(
        update={"ndim": ndim, "spacing": spacing, "cell_radius": cell_radius}
    )


INFO = {
    2: dataset_card(2, None, RADIUS),
    3: dataset_card(3, (2.0, 1.0, 1.0), RADIUS),
}
CARDS = [card for card in map(load_method, card_ids("methods")) if card.kind == "classical"]
both = pytest.mark.parametrize("ndim", [2, 3])


def cells(ndim, step=14, drop=0):
    """Cell centres on a grid, and the image of bright balls on a noisy ground."""
    sizes = (28, 42, 56) if ndim == 3 else (56, 70)
    unit = INFO[ndim].spacing or (1,) * ndim
    centres = itertools.product(*(range(step // 2, size, step) for size in sizes))
    dots = np.array(list(centres), float)[drop:]
    grid = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), axis=-1)
    distance, _ = KDTree(dots * unit).query(grid * unit)
    noise = np.random.default_rng(0).normal(0, 3, sizes)
    return dots, (30 + 150 * (distance <= RADIUS) + noise).clip(0, 255).astype(np.uint8)


def load(id, options=None):
    """The method of a card, as the engine finds it."""
    module = load_module(f"dotbench.classical.{id}")
    return module, read_options(module, options or {})


def fit(id, train, info=None, validation=()):
    module, options = load(id)
    return module.fit(train, list(validation), options, info or INFO[2])


def predict(id, sample, info=None, model=None, seed=0, **options):
    module, options = load(id, options)
    return module.predict(model or {}, sample, options, info or INFO[2], np.random.default_rng(seed))


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_every_card_runs_on_a_prepared_dataset(card, tiny_dataset, tiny_volumes):
    for folder in (tiny_dataset, tiny_volumes):
        dataset = Dataset.open(folder)
        if dataset.ndim not in card.ndim:
            continue
        info = dataset_card(dataset.ndim, None, 3.0)
        samples = dataset.samples(dataset.ids, with_dots=True)
        model = fit(card.classical, samples[:2], info, samples[2:3]) if card.trains else {}
        test = samples[-1] if card.role == "control" else dataset.sample(dataset.ids[-1], with_dots=False)
        said = predict(card.classical, test, info, model, **card.options)
        assert np.isfinite(said.count)
        assert said.dots.shape == (len(said.scores), dataset.ndim)
        assert all(isinstance(array, np.ndarray) for array in model.values())


@both
def test_perfect_finds_cells_that_are_apart(ndim):
    dots, image = cells(ndim)
    for count in ("integral", "detections"):
        kernel = {"name": "gaussian", "sigma": 1.5, "scale": 100, "units": "physical"}
        said = predict("perfect", Sample("a", image, dots), INFO[ndim], kernel=kernel, count=count)
        assert said.count == pytest.approx(len(dots), rel=1e-5)
        assert sorted(said.dots.tolist()) == sorted(dots.tolist())
        assert said.map.shape == image.shape


def test_perfect_shows_what_post_processing_loses():
    near = Sample("a", np.zeros((30, 30)), np.array([[10.0, 10], [10, 12], [20, 20]]))
    gaussian = predict("perfect", near, kernel={"name": "gaussian", "sigma": 2})
    assert gaussian.count == pytest.approx(3)
    assert len(gaussian.dots) == 2
    card = load_method("perfect_inverse_distance")
    assert predict("perfect", near, **card.options).count == 3
    assert len(predict("perfect", near, **load_method("perfect_peeled").options).dots) == 3


def test_perfect_refuses_a_map_whose_sum_is_no_count():
    with pytest.raises(UserError, match="no count"):
        load("perfect", {"kernel": {"name": "inverse_distance"}, "count": "integral"})


@both
def test_mean_is_the_mean_of_the_training_images(ndim):
    train = [Sample(str(k), np.zeros((5,) * ndim), np.zeros((k, ndim))) for k in (2, 3, 10)]
    said = predict("mean", train[0], INFO[ndim], fit("mean", train, INFO[ndim]))
    assert said.count == 5
    assert said.dots.shape == (0, ndim)


@both
def test_random_points_are_as_many_as_cells_and_inside(ndim):
    dots, image = cells(ndim)
    first, again = (predict("random_points", Sample("a", image, dots), INFO[ndim], seed=1) for _ in range(2))
    other = predict("random_points", Sample("a", image, dots), INFO[ndim], seed=2)
    assert first.count == len(first.dots) == len(dots)
    assert np.array_equal(first.dots, again.dots)
    assert not np.array_equal(first.dots, other.dots)
    assert ((first.dots >= -0.5) & (first.dots <= np.array(image.shape) - 0.5)).all()


@both
@pytest.mark.parametrize("id", ["blob", "cubic", "hessian", "watershed"])
def test_detectors_find_bright_and_dark_cells_that_are_apart(id, ndim):
    dots, image = cells(ndim)
    # A core or a watershed of noisy balls may be cut in two: smooth them as a microscope does.
    image = gaussian_filter(image.astype(np.float32), 1 / np.array(INFO[ndim].spacing or (1,) * ndim))
    for shown in (image, 255 - image):
        said = predict(id, Sample("a", shown, None), INFO[ndim])
        distance, nearest = KDTree(dots).query(said.dots)
        assert said.count == len(said.dots) == len(dots)
        assert sorted(nearest.tolist()) == list(range(len(dots)))
        assert (distance < 2).all()
        assert len(said.scores) == len(dots)


@both
@pytest.mark.parametrize("id", ["blob", "cubic", "hessian", "watershed"])
def test_detectors_find_nothing_where_nothing_is(id, ndim):
    assert predict(id, Sample("a", np.full((20,) * ndim, 7, np.uint16), None), INFO[ndim]).count == 0


def test_random_points_are_uniform_and_reach_every_pixel():
    colour = Sample("a", np.zeros((4, 5, 3)), np.zeros((20_000, 2)))
    said = predict("random_points", colour)
    hits, _, _ = np.histogram2d(*said.dots.T, bins=(np.arange(5) - 0.5, np.arange(6) - 0.5))
    assert hits.sum() == 20_000
    assert (np.abs(hits - 1000) < 160).all()


def test_random_points_stay_where_cells_were_annotated():
    roi = np.zeros((20, 20), np.uint8)
    roi[3:5, 10:15] = 1
    said = predict("random_points", Sample("a", np.zeros((20, 20)), np.zeros((50, 2)), roi=roi))
    assert roi[tuple(np.rint(said.dots).astype(int).T)].all()
    assert predict("random_points", Sample("a", np.zeros((9, 9)), np.empty((0, 2)), roi=roi * 0)).count == 0


@both
def test_otsu_components_finds_cells_that_are_apart(ndim):
    dots, image = cells(ndim)
    said = predict("otsu_components", Sample("a", image), INFO[ndim])
    assert said.count == len(dots)
    assert np.abs(said.dots - dots).max() < 0.7
    assert said.scores.mean() == pytest.approx(cell_size(RADIUS, ndim, INFO[ndim].spacing), rel=0.35)


@pytest.mark.parametrize("change", ["dark", "colour", "alpha", "16 bit", "float"])
def test_otsu_components_on_all_kinds_of_images(change):
    dots, image = cells(2)
    alpha = np.random.default_rng(1).integers(0, 255, image.shape)
    changed = {
        "dark": lambda: 255 - image,
        "colour": lambda: np.stack([image * 0, image * 0, image], axis=-1),
        "alpha": lambda: np.stack([image, image, image, alpha], axis=-1),
        "16 bit": lambda: image.astype(np.uint16) * 200,
        "float": lambda: image / 255,
    }[change]()
    assert predict("otsu_components", Sample("a", changed)).count == len(dots)


def test_otsu_components_obeys_the_card():
    dots, image = cells(2)
    assert predict("otsu_components", Sample("a", image), objects="dark").count == 1
    assert predict("otsu_components", Sample("a", image), objects="bright").count == len(dots)
    # A cell may cover more than half of the image: only a person knows then.
    wide = np.full((40, 40), 10.0)
    wide[5:35, 5:35] = 200
    assert predict("otsu_components", Sample("a", wide), objects="bright").dots.tolist() == [[19.5, 19.5]]


def test_otsu_components_ignores_specks():
    dots, image = cells(2)
    image[0, 0], image[0:3, 30] = 255, 255
    assert predict("otsu_components", Sample("a", image), smooth=0).count == len(dots)
    assert predict("otsu_components", Sample("a", image), smooth=0, min_area=0).count == len(dots) + 2


@both
@pytest.mark.parametrize("id", ["otsu_components", "density_area"])
def test_constant_image_has_no_cells(id, ndim):
    flat = Sample("a", np.full((12,) * ndim, 7, np.uint16))
    for options in ({}, {"how": "variation"}):
        said = predict(id, flat, INFO[ndim], {"density": np.array(0.1)}, **options)
        assert said.count == 0
        assert said.dots.shape == (0, ndim)


def test_proposals_work_without_a_card():
    dots, image = cells(2)
    places, sizes = proposals(image)
    assert len(places) == len(sizes) == len(dots)


@both
def test_density_area_is_linear_in_the_area(ndim):
    dots, image = cells(ndim)
    fewer, sparse = cells(ndim, drop=len(dots) // 2)
    model = fit("density_area", [Sample("a", image, dots)], INFO[ndim])
    said = predict("density_area", Sample("b", sparse), INFO[ndim], model)
    assert said.count == pytest.approx(len(fewer), rel=0.05)
    again = predict("density_area", Sample("a", image), INFO[ndim], model)
    assert again.count == pytest.approx(len(dots))


def test_density_area_looks_only_where_cells_were_annotated():
    dots, image = cells(2)
    roi = np.zeros(image.shape, np.uint8)
    roi[:, :28] = 1
    inside = dots[dots[:, 1] < 28]
    part = fit("density_area", [Sample("a", image, inside, roi=roi)])
    whole = fit("density_area", [Sample("a", image, dots)])
    assert part["density"] == pytest.approx(whole["density"], rel=0.05)


def test_density_area_without_foreground_says_what_to_do():
    flat = Sample("a", np.zeros((9, 9)), np.zeros((3, 2)))
    with pytest.raises(UserError, match="no foreground") as error:
        fit("density_area", [flat])
    assert "variation" in error.value.next


def test_variation_finds_texture_under_uneven_light():
    light = np.tile(np.linspace(50, 250, 80), (80, 1))
    image = light * np.random.default_rng(0).normal(1, 0.01, (80, 80))
    texture = np.random.default_rng(1).normal(1, 0.3, (80, 80))
    textured = np.zeros((80, 80), bool)
    textured[10:35, 10:35] = textured[45:70, 45:70] = True
    image[textured] *= texture[textured]
    found = foreground(image, ForegroundOptions(how="variation", smooth=0, window=7), 2)
    assert (found & textured).sum() / (found | textured).sum() > 0.75
    by_intensity = foreground(image, ForegroundOptions(smooth=0), 2)
    assert (by_intensity & textured).sum() / (by_intensity | textured).sum() < 0.5


@both
def test_smoothing_and_windows_count_in_plane_pixels(ndim):
    image = np.zeros((21,) * ndim)
    image[(10,) * ndim] = 1
    info = INFO[ndim]
    found = foreground(image, ForegroundOptions(smooth=2), ndim, info.spacing)
    reach = [np.ptp(axis) for axis in np.nonzero(found)]
    assert (reach[0] < reach[1]) == (ndim == 3)


def test_bad_images_and_options_are_refused():
    with pytest.raises(UserError, match="not finite") as error:
        predict("otsu_components", Sample("image 7", np.full((5, 5), np.nan)))
    assert error.value.where == "image 7"
    with pytest.raises(UserError, match="shape"):
        predict("otsu_components", Sample("a", np.zeros(5)))
    with pytest.raises(UserError, match="did you mean 'min_area'"):
        load("otsu_components", {"min_aera": 3})


def test_cards_of_rules_fit_their_methods():
    assert DensityOptions.model_validate(load_method("density_area").options).how == "otsu"
    assert OtsuOptions().model_dump().items() >= load_method("otsu_components").options.items()
