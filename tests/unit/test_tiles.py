"""Prediction in tiles: the same map as in one piece, whatever the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dotbench.cards.method import Input
from dotbench.errors import UserError
from dotbench.inference.device import choose
from dotbench.inference.intensity import Intensity
from dotbench.inference.tiles import bytes_per_voxel, predict_map, tiles
from dotbench.networks import load_network

SMALL = {"widths": (4, 4, 4), "bottleneck": 8}


@pytest.fixture
def compute():
    return choose("cpu", deterministic=True)


def predictor(compute, ndim, channels=1, **input):
    torch.manual_seed(0)
    network = load_network("dotbench.networks.fcrn_a", SMALL)
    model = network.build(channels, ndim).eval()
    intensity = Intensity(Input(**input), ndim, channels)
    needed = bytes_per_voxel(model, channels, ndim, network.stride, compute)

    def predict(image, voxels, **more):
        return predict_map(
            model,
            image,
            intensity,
            compute,
            stride=network.stride,
            receptive_field=network.receptive_field,
            budget=int(voxels * needed),
            **more,
        )

    return predict


@pytest.mark.parametrize("shape", [(301, 203), (97, 500)])
def test_tiles_give_the_map_of_the_whole(compute, shape):
    image = np.random.default_rng(0).integers(0, 60000, shape).astype(np.uint16)
    predict = predictor(compute, 2)
    whole = predict(image, voxels=10**9)
    assert whole.shape == shape
    assert np.abs(whole).max() > 0.1
    np.testing.assert_allclose(predict(image, voxels=120 * 120), whole, atol=1e-5)


def test_tiles_in_three_dimensions(compute):
    image = np.random.default_rng(0).random((21, 150, 30)).astype(np.float32)
    predict = predictor(compute, 3)
    np.testing.assert_allclose(predict(image, voxels=24 * 104 * 32), predict(image, voxels=10**9), atol=1e-5)


def test_a_map_can_lie_on_disk_and_colour_works(compute, tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (40, 56, 3)).astype(np.uint8)
    found = predictor(compute, 2, channels=3)(image, voxels=10**9, out=tmp_path / "map.npy")
    assert isinstance(found, np.memmap)
    assert np.load(tmp_path / "map.npy").shape == (40, 56)


@pytest.mark.parametrize("shape", [(40, 61), (9, 40, 61)])
def test_from_all_sides_an_image_looks_the_same_turned(compute, shape):
    image = np.random.default_rng(0).random(shape).astype(np.float32)

    def turn(x):
        return np.rot90(x, axes=(-2, -1))[..., ::-1]

    def difference(predict):
        found = predict(image, voxels=10**9)
        assert found.shape == shape
        return np.abs(predict(turn(image), voxels=10**9) - turn(found)).max()

    assert difference(predictor(compute, len(shape), orientations=8)) < 1e-5
    assert difference(predictor(compute, len(shape))) > 1e-2


def test_tiles_cover_every_pixel_once():
    seen = np.zeros((37, 50), int)
    for inner, outer in tiles((37, 50), (16, 24), 8):
        seen[inner] += 1
        assert all(o.start <= i.start and i.stop <= o.stop for i, o in zip(inner, outer, strict=True))
        assert all(o.start % 8 == 0 for o in outer)
    assert (seen == 1).all()


def test_a_network_that_looks_at_everything_is_not_cut(compute):
    class Mean(nn.Module):
        def forward(self, x):
            return x.mean((2, 3), keepdim=True).expand_as(x)

    image = np.arange(100.0).reshape(10, 10)
    rule = Intensity(Input(normalise="none"), 2, 1)
    found = predict_map(Mean(), image, rule, compute, stride=1, receptive_field=None, budget=1)
    np.testing.assert_allclose(found, 49.5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_constant_images_are_no_division_by_zero(compute, dtype):
    assert np.isfinite(predictor(compute, 2)(np.full((16, 16), 7, dtype), voxels=10**9)).all()


def test_intensity_rules():
    image = np.array([[0, 65535], [65535, 0]], np.uint16)
    region = (slice(None), slice(None))

    def shown(**rule):
        intensity = Intensity.of(Input(**rule), 2, [("a", image), ("b", image)])
        return intensity.apply(image, region, intensity.constants(image))[..., 0]

    np.testing.assert_allclose(shown(normalise="image"), [[-1, 1], [1, -1]], rtol=1e-6)
    np.testing.assert_allclose(shown(normalise="dataset"), [[-1, 1], [1, -1]], rtol=1e-6)
    np.testing.assert_allclose(shown(normalise="unit"), [[0, 1], [1, 0]])
    np.testing.assert_allclose(shown(normalise="none"), image)


def test_large_offsets_do_not_hide_small_differences():
    image = 1e6 + np.array([[0.0, 1.0], [1.0, 0.0]])
    mean, sd = Intensity(Input(), 2, 1).constants(image)
    np.testing.assert_allclose([mean[0], sd[0]], [1e6 + 0.5, 0.5])


def test_broken_images_are_refused_by_name():
    rule = Intensity(Input(), 2, 1)
    with pytest.raises(UserError, match=r"NaN[\s\S]*image 7"):
        rule.constants(np.array([[1.0, np.nan]]), "image 7")
    with pytest.raises(UserError, match="3 channels for a network that learned on 1"):
        rule.constants(np.zeros((4, 4, 3)), "image 7")
    with pytest.raises(UserError, match="2D image is expected"):
        rule.constants(np.zeros((4, 0)), "image 7")
    assert Intensity(Input(channels="grey"), 2, 1).constants(np.ones((4, 4, 3)))[0].shape == (1,)


def test_tiles_of_the_card_are_predicted_and_normalised_one_by_one():
    torch.manual_seed(0)
    network = load_network("dotbench.networks.saunet", {"widths": [4, 4, 4, 4]})
    model = network.build(1, 2).eval()
    compute = choose("cpu", deterministic=True)
    image = np.random.default_rng(0).random((40, 50), dtype=np.float32)

    def map_of(image, tile=None):
        intensity = Intensity(Input(normalise="patch", tile=tile), 2, 1)
        field = network.receptive_field
        return predict_map(model, image, intensity, compute, stride=8, receptive_field=field)

    found = map_of(image, (9, 24, 32))
    for y, x in ((slice(0, 24), slice(0, 32)), (slice(24, 40), slice(32, 50))):
        np.testing.assert_allclose(found[y, x], map_of(np.ascontiguousarray(image[y, x])), atol=1e-6)
    assert not np.allclose(found, map_of(image))
