"""Target maps against their definitions, in 2D and 3D, with equal and unequal axes."""

import itertools
import typing

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from dotbench.cards.kernels import (
    AdaptiveGaussian,
    CentralSlice,
    Foreground,
    ForegroundBoundary,
    Gaussian,
    InverseDistance,
    Kernel,
)
from dotbench.data.dataset import Dataset
from dotbench.errors import UserError
from dotbench.files import read_json
from dotbench.targets import downsample_sum, kernel_peak, render, write_targets

SHAPES = {2: (21, 26), 3: (9, 14, 16)}
SPACING = {2: (1.5, 1.0), 3: (2.5, 1.0, 1.0)}
CASES = [(ndim, units) for ndim in (2, 3) for units in ("voxel", "physical")]
every_case = pytest.mark.parametrize(("ndim", "units"), CASES)

KERNELS = {
    "gaussian": lambda units: Gaussian(sigma=1.7, scale=100, units=units),
    "gaussian_adaptive": lambda units: AdaptiveGaussian(sigma_max=2.5, units=units),
    "inverse_distance": lambda units: InverseDistance(units=units),
    "foreground": lambda units: Foreground(source="discs", radius=3.2, units=units),
    "foreground_boundary": lambda units: ForegroundBoundary(source="discs", radius=3.2, units=units),
    # Little erosion: what is left of a disc in a corner of the image keeps the corner.
    "central_slice": lambda units: CentralSlice(source="discs", radius=3.2, erosion=0.05, units=units),
}
every_kernel = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)


def some_dots(ndim, count=9, whole=False, seed=0):
    dots = np.random.default_rng(seed).uniform(-0.5, 0.4999, (count, ndim)) + 0.5
    dots = dots * np.array(SHAPES[ndim]) - 0.5
    return np.floor(dots + 0.5) if whole else dots


def grid(shape):
    return np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).astype(float)


def unit(ndim, units):
    return np.array(SPACING[ndim] if units == "physical" else (1,) * ndim)


def brute_gaussian(dots, shape, sigmas, renormalise):
    """Over the whole grid and far beyond it; no truncation."""
    total = np.zeros(shape)
    margin = 40
    for dot, sigma in zip(dots, sigmas, strict=True):
        factors = []
        for x, size, width in zip(dot, shape, sigma, strict=True):
            wide = np.exp(-((np.arange(-margin, size + margin) - x) ** 2) / (2 * width**2))
            inside = wide[margin:-margin]
            factors.append(inside / (inside.sum() if renormalise else wide.sum()))
        total += _outer(factors)
    return total


def _outer(factors):
    result = factors[0]
    for factor in factors[1:]:
        result = np.multiply.outer(result, factor)
    return result


@every_case
@pytest.mark.parametrize("border", ["renormalise", "lose"])
def test_gaussian_is_its_definition(ndim, units, border):
    dots, shape = some_dots(ndim), SHAPES[ndim]
    kernel = Gaussian(sigma=1.7, scale=100, border=border, units=units)
    target = render(dots, shape, kernel, SPACING[ndim])
    sigma = np.tile(1.7 / unit(ndim, units), (len(dots), 1))
    expected = 100 * brute_gaussian(dots, shape, sigma, border == "renormalise")
    assert target.map.dtype == np.float32
    np.testing.assert_allclose(target.map, expected, atol=1e-3 * expected.max())
    assert target.map.sum() / 100 + target.lost == pytest.approx(len(dots), rel=1e-5)
    assert (target.lost == 0) == (border == "renormalise")


@pytest.mark.parametrize("ndim", [2, 3])
def test_gaussian_at_whole_pixels_is_scipys_filter(ndim):
    dots, shape = some_dots(ndim, whole=True), SHAPES[ndim]
    image = np.zeros(shape)
    np.add.at(image, tuple(dots.astype(int).T), 1)
    expected = ndimage.gaussian_filter(image, 2.0, mode="constant")
    target = render(dots, shape, Gaussian(sigma=2.0, border="lose"))
    np.testing.assert_allclose(target.map, expected, atol=1e-7)


@every_case
def test_adaptive_gaussian_is_its_definition(ndim, units):
    dots, shape = some_dots(ndim, count=6), SHAPES[ndim]
    kernel = AdaptiveGaussian(neighbours=2, beta=0.3, sigma_max=2.0, units=units)
    scaled = dots * unit(ndim, units)
    sigma = []
    for index, dot in enumerate(scaled):
        distances = np.sort(np.linalg.norm(np.delete(scaled, index, 0) - dot, axis=1))
        sigma.append(np.clip(0.3 * distances[:2].mean(), 0.5, 2.0) / unit(ndim, units))
    expected = brute_gaussian(dots, shape, sigma, True)
    target = render(dots, shape, kernel, SPACING[ndim])
    np.testing.assert_allclose(target.map, expected, atol=1e-3 * expected.max())
    assert target.map.sum() == pytest.approx(6, rel=1e-5)


def test_adaptive_gaussian_with_few_or_coincident_dots():
    kernel = AdaptiveGaussian(sigma_max=2.0)
    alone = render(np.array([[10.0, 12.0]]), (21, 26), kernel)
    assert alone.map.max() == pytest.approx(kernel_peak(kernel, 2))
    twice = render(np.array([[10.0, 12.0]] * 2), (21, 26), kernel)
    assert twice.map.sum() == pytest.approx(2)
    assert np.isfinite(twice.map).all()


@every_case
@pytest.mark.parametrize("cut", [0.01, None, 0.2])
def test_inverse_distance_is_its_definition(ndim, units, cut):
    dots, shape = some_dots(ndim), SHAPES[ndim]
    kernel = InverseDistance(cut=cut, units=units, scale=2)
    expected = np.zeros(shape)
    for dot in np.floor(dots + 0.5):
        d = np.linalg.norm((grid(shape) - dot) * unit(ndim, units), axis=-1)
        expected = np.maximum(expected, 1 / (d ** (0.02 * d + 0.75) + 1))
    if cut:
        expected[expected < cut] = 0
    target = render(dots, shape, kernel, SPACING[ndim])
    np.testing.assert_allclose(target.map, 2 * expected, rtol=1e-5)
    assert target.lost == 0


def test_inverse_distance_has_the_papers_values():
    values = render(np.array([[0.0, 0.0]]), (1, 41), InverseDistance()).map[0]
    table = {0: 1, 1: 0.5, 2: 0.366, 5: 0.203, 10: 0.101, 20: 0.031, 31: 0, 40: 0}
    for distance, value in table.items():
        assert values[distance] == pytest.approx(value, abs=5e-4)


@every_case
def test_foreground_of_discs_is_its_definition(ndim, units):
    dots, shape = some_dots(ndim, count=4), SHAPES[ndim]
    distances = [
        np.linalg.norm((grid(shape) - dot) * unit(ndim, units), axis=-1) for dot in np.floor(dots + 0.5)
    ]
    target = render(dots, shape, Foreground(source="discs", radius=3.2, units=units), SPACING[ndim])
    np.testing.assert_array_equal(target.map, np.min(distances, axis=0) <= 3.2)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("width", [1, 2])
def test_boundary_is_its_definition(ndim, width):
    shape = (7, 9) if ndim == 2 else (4, 6, 7)
    labels = np.random.default_rng(1).choice([0, 0, 3, 3, 3, 65535], shape).astype(np.uint16)
    seam = np.zeros(shape, bool)
    for place in itertools.product(*map(range, shape)):
        around = labels[tuple(slice(max(p - width, 0), p + width + 1) for p in place)]
        seam[place] = labels[place] > 0 and len(np.unique(around[around > 0])) > 1
    inside, drawn = render(np.empty((0, ndim)), shape, ForegroundBoundary(width=width), labels=labels).map
    np.testing.assert_array_equal(drawn, seam)
    np.testing.assert_array_equal(inside, (labels > 0) & ~seam)


def test_central_slice_is_its_definition():
    """As preprocess_3dunet.m has it, nucleus by nucleus and blob by blob."""
    labels = np.random.default_rng(2).choice([0, 0, 0, 3, 5, 65535], (5, 9, 11)).astype(np.uint16)
    labels[:, :, 5:] = 0
    labels[1:4, 2:8, 6:10] = 7
    kept = np.zeros(labels.shape, bool)
    for label in np.unique(labels[labels > 0]):
        nucleus = np.argwhere(labels == label)
        # No centroid of these lies between two slices, and each has voxels in the slice of its centroid.
        z = round(nucleus[:, 0].mean())
        kept[z] |= labels[z] == label
    expected = np.zeros(labels.shape, bool)
    for z, plane in enumerate(kept):
        blobs, count = ndimage.label(plane)
        for blob in range(1, count + 1):
            pixels = np.argwhere(blobs == blob)
            far = np.linalg.norm(pixels - pixels.mean(axis=0), axis=1)
            stay = np.argsort(-far, kind="stable")[int(0.4 * len(pixels)) :]
            expected[z][tuple(pixels[stay].T)] = True
    drawn = render(np.empty((0, 3)), labels.shape, CentralSlice(), labels=labels).map
    # Equally far pixels may be taken off in another order, never more or fewer of them.
    assert drawn.sum(axis=(1, 2)).tolist() == expected.sum(axis=(1, 2)).tolist()
    assert (drawn != expected).mean() < 0.02
    assert drawn[:, :, 6:].sum(axis=(1, 2)).tolist() == [0, 0, 6 * 4 - int(0.4 * 24), 0, 0]
    assert render(np.empty((0, 3)), labels.shape, CentralSlice(erosion=0), labels=labels).map.tolist() == (
        kept.tolist()
    )


def test_central_slice_between_two_slices_is_one_of_them():
    labels = np.zeros((4, 5, 5), np.uint8)
    labels[1:3] = 1
    drawn = render(np.empty((0, 3)), labels.shape, CentralSlice(erosion=0), labels=labels).map
    assert drawn.any(axis=(1, 2)).tolist() == [False, False, True, False]


def test_foreground_of_masks():
    labels = np.array([[0, 2, 2], [0, 0, 9]])
    target = render(np.array([[0.0, 1.5], [1, 2]]), labels.shape, Foreground(), labels=labels)
    assert target.map.tolist() == [[0, 1, 1], [0, 0, 1]]


@every_kernel
@pytest.mark.parametrize("ndim", [2, 3])
def test_no_dots_is_valid_and_empty(kernel, ndim):
    for none in (np.empty((0, ndim)), np.empty(0), []):
        target = render(none, SHAPES[ndim], kernel("voxel"))
        assert not target.map.any()
        assert target.map.shape[-ndim:] == SHAPES[ndim]
        assert (target.lost, target.duplicates, target.notes) == (0, 0, ())


@every_kernel
@every_case
def test_peak_is_the_value_at_a_lone_cell(kernel, ndim, units):
    shape = tuple(4 * size + 1 for size in SHAPES[ndim])
    middle = np.array([[size // 2 for size in shape]], float)
    drawn = render(middle, shape, kernel(units), SPACING[ndim]).map
    centre = drawn.reshape(-1, *shape)[(0, *middle[0].astype(int))]
    assert kernel_peak(kernel(units), ndim, SPACING[ndim]) == pytest.approx(float(centre), rel=1e-6)


@every_kernel
def test_two_dots_on_a_pixel_count_twice_or_are_reported(kernel):
    kernel = kernel("voxel")
    target = render(np.array([[10, 10], [10, 10.2], [3, 4]]), SHAPES[2], kernel)
    assert target.duplicates == 1
    assert len(target.notes) == 1
    if hasattr(kernel, "border"):
        assert target.map.sum() / kernel.scale == pytest.approx(3, rel=1e-5)
        assert "each counts" in target.notes[0]
    else:
        assert "as one" in target.notes[0]


def test_every_kernel_of_the_cards_is_here():
    kinds = typing.get_args(typing.get_args(Kernel)[0])
    assert sorted(kind.model_fields["name"].default for kind in kinds) == sorted(KERNELS)


def test_sum_survives_a_very_narrow_gaussian_between_pixels():
    target = render(np.array([[5.5, 5.5]]), (12, 12), Gaussian(sigma=0.01))
    assert target.map.sum() == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 9), min_size=2, max_size=3).map(tuple),
    factors=st.lists(st.integers(1, 4), min_size=3, max_size=3),
    seed=st.integers(0, 99),
)
def test_downsampling_keeps_the_sum_of_every_block(shape, factors, seed):
    factors = factors[: len(shape)]
    image = np.random.default_rng(seed).random(shape)
    small = downsample_sum(image, factors)
    for place in np.ndindex(small.shape):
        block = image[tuple(slice(p * f, (p + 1) * f) for p, f in zip(place, factors, strict=True))]
        assert small[place] == pytest.approx(block.sum())
    assert small.sum() == pytest.approx(image.sum())


@pytest.mark.parametrize("factors", [0, (2,), (2, 2, 2)])
def test_downsampling_refuses_factors_that_do_not_fit(factors):
    with pytest.raises(UserError, match="factors"):
        downsample_sum(np.ones((4, 4)), factors)


@pytest.mark.parametrize(
    ("dots", "says"),
    [
        ([[3, 4], [21, 4]], "1 of 2 dots lie outside the image, the first at 21, 4"),
        ([[-0.6, 0]], "outside"),
        ([[np.nan, 0]], "outside"),
        ([[1, 2, 3]], "dots of shape"),
    ],
)
def test_bad_dots_are_refused_with_their_image(dots, says):
    with pytest.raises(UserError, match=says) as error:
        render(np.array(dots, float), SHAPES[2], Gaussian(sigma=2), where="image 7")
    assert error.value.where == "image 7"


@every_kernel
def test_the_rim_of_the_image_is_inside(kernel):
    corners = np.array(list(itertools.product((-0.5, 20.5), (-0.5, 25.5))))
    target = render(corners, SHAPES[2], kernel("voxel"))
    assert target.duplicates == 0
    assert all(target.map[..., y, x].any() for y in (0, 20) for x in (0, 25))


@pytest.mark.parametrize(
    "kernel", [Foreground(), Foreground(source="discs"), ForegroundBoundary(), CentralSlice()]
)
def test_missing_masks_or_radius_are_refused_with_their_image(kernel):
    with pytest.raises(UserError, match=r"mask|radius") as error:
        render(np.array([[1.0, 2.0]]), SHAPES[2], kernel, where="image 7")
    assert error.value.where == "image 7"


def test_spacing_and_mask_must_fit():
    with pytest.raises(UserError, match="spacing"):
        render(np.empty((0, 2)), (5, 5), Gaussian(sigma=1, units="physical"), (2, 1, 1))
    with pytest.raises(UserError, match="a mask of shape"):
        render(np.empty((0, 2)), (5, 5), Foreground(), labels=np.zeros((5, 6), int))


def test_targets_of_a_dataset_can_be_mapped(make_dataset, tmp_path):
    dataset = Dataset.open(make_dataset(tmp_path / "tiny", unlabelled=2))
    kernel = Gaussian(sigma=2, scale=100)
    write_targets(dataset, kernel, tmp_path / "maps")
    facts = read_json(tmp_path / "maps" / "target.json")
    assert list(facts["images"]) == dataset.labelled
    assert facts["kernel"] == kernel.model_dump()
    assert facts["peak"] == pytest.approx(kernel_peak(kernel, 2))
    for image, written in facts["images"].items():
        drawn = tifffile.memmap(tmp_path / "maps" / f"{image}.tif", mode="r")
        assert drawn.dtype == np.float32
        np.testing.assert_array_equal(drawn, render(dataset.dots(image), dataset.shape(image), kernel).map)
        assert written["sum"] == pytest.approx(100 * written["dots"], rel=1e-5)
    assert {file.suffix for file in (tmp_path / "maps").iterdir()} == {".tif", ".json"}
    assert len(list((tmp_path / "maps").glob("*.tif"))) == 4


@pytest.mark.parametrize("kernel", [Foreground(), ForegroundBoundary()])
def test_targets_of_volumes_with_masks(tiny_volumes, tmp_path, kernel):
    dataset = Dataset.open(tiny_volumes)
    write_targets(dataset, kernel, tmp_path / "maps")
    drawn = tifffile.memmap(tmp_path / "maps" / f"{dataset.ids[0]}.tif", mode="r")
    np.testing.assert_array_equal(
        drawn.reshape(-1, *dataset.shape(dataset.ids[0])).sum(0), dataset.mask(dataset.ids[0]) > 0
    )


def test_dots_outside_an_image_of_a_dataset_name_it(tiny_dataset, tmp_path):
    with (tiny_dataset / "dots.csv").open("a") as file:
        file.write("img002,0,48.0,3\n")
    with pytest.raises(UserError, match="outside the image") as error:
        write_targets(Dataset.open(tiny_dataset), Gaussian(sigma=2), tmp_path / "maps")
    assert error.value.where == "dataset tiny, image img002"
    assert not (tmp_path / "maps" / "target.json").exists()
