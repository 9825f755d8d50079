"""Preparing: the canonical form, what it reports, and every kind of image or annotation that cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from dotbench.cards.dataset import DatasetCard
from dotbench.contract.layout import Layout
from dotbench.data import images
from dotbench.data import prepare as preparing
from dotbench.data.dataset import Dataset, cut
from dotbench.data.fetch import fetch
from dotbench.data.images import open_image, read_image, write_image
from dotbench.data.prepare import prepare
from dotbench.errors import UserError


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "results", tmp_path / "resources")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine" / "images").mkdir(parents=True)
    return tmp_path / "mine"


def card(folder: Path, reader: str = "points", ndim: int = 2, **more) -> DatasetCard:
    basics = {
        "id": "mine",
        "name": "Mine",
        "citation": "c",
        "licence": "l",
        "cell_radius": 3,
        "match": {"radius": 3},
    }
    return DatasetCard(
        **basics, ndim=ndim, reader=reader, source={"kind": "folder", "path": str(folder)}, **more
    )


def made(card: DatasetCard, layout: Layout) -> Dataset:
    fetch(card, layout)
    return Dataset.open(prepare(card, layout).parent)


def noise(*shape: int, dtype=np.uint8) -> np.ndarray:
    return np.random.default_rng(1).integers(1, 200, shape).astype(dtype)


def put(folder: Path, dots: str = "", **named: np.ndarray) -> None:
    for name, image in named.items():
        tifffile.imwrite(
            folder / "images" / f"{name}.tif",
            image,
            photometric=None if image.shape[-1:] in ((3,), (4,)) else "minisblack",
        )
    (folder / "dots.csv").write_text("image,y,x\n" + dots)


def problem_of(card: DatasetCard, layout: Layout) -> UserError:
    fetch(card, layout)
    with pytest.raises(UserError) as problem:
        prepare(card, layout)
    assert not layout.dataset("mine").exists()
    return problem.value


def test_canonical_form(folder, layout):
    put(folder, "a,3,4\na,3,4\na,0,19.4\nb,,\n", a=noise(10, 20), b=noise(12, 18), c=noise(10, 20))
    dataset = made(card(folder), layout)
    assert dataset.ids == ["a", "b", "c"]
    assert dataset.labelled == ["a", "b"]
    assert dataset.shape("b") == (12, 18)
    assert isinstance(dataset.image("a"), np.memmap)
    assert np.array_equal(dataset.image("a"), noise(10, 20))
    assert dataset.dots("a").tolist() == [[3, 4], [3, 4], [0, 19.4]]
    assert dataset.dots("b").shape == (0, 2)
    assert dataset.dots("c") is None
    statistics = dataset.info["statistics"]
    assert statistics["duplicates"] == {"a": 1}, "kept, and said"
    assert (statistics["dots"], statistics["mean"], statistics["labelled"]) == (3, 1.5, 2)
    table = dataset.images
    assert table.loc["a"].to_dict() == {
        "group": "a",
        "depth": 1,
        "height": 10,
        "width": 20,
        "dots": 3,
        "labelled": True,
    }
    lines = (dataset.folder / "dots.csv").read_text().splitlines()
    assert lines[:2] == ["image,z,y,x", "a,0.0,3.0,4.0"]


def test_equal_files_give_equal_digests(folder, layout):
    put(folder, "a,3,4\n", a=noise(10, 20))
    first = made(card(folder), layout).info
    assert made(card(folder), layout).info == first
    put(folder, "a,3,5\n", a=noise(10, 20))
    assert made(card(folder), layout).info["digest"] != first["digest"]


def test_masks_become_dots_and_oddities_are_reported(folder, layout):
    put(folder, a=noise(10, 20), b=noise(10, 20))
    mask = np.zeros((10, 20), np.int32)
    mask[0, 0:3], mask[4:7, 4:7], mask[9, 19] = 5, 900, 7
    (folder / "masks").mkdir()
    tifffile.imwrite(folder / "masks" / "a.tif", mask)
    tifffile.imwrite(folder / "masks" / "b.tif", np.zeros_like(mask))
    dataset = made(card(folder, "masks", min_fragment=2), layout)
    assert dataset.dots("a").tolist() == [[0, 1], [9, 19], [5, 5]]
    assert dataset.mask("a").dtype == np.uint16
    assert np.array_equal(dataset.mask("a"), mask)
    report = dataset.info["mask_report"]
    assert (report["objects"], report["border"], report["fragments"]) == (3, 2, 1)
    assert report["images"]["a"]["border"] == [5, 7]
    assert dataset.info["notes"] == {"the mask has no label: an image without cells": ["b"]}
    hidden = dataset.sample("a", with_dots=False)
    assert hidden.dots is None
    assert hidden.mask is None


def test_one_label_is_one_trial_but_a_black_and_white_mask_is_refused(folder, layout):
    put(folder, a=noise(10, 20))
    mask = np.zeros((10, 20), np.uint8)
    mask[2:4, 2:4] = 255
    (folder / "masks").mkdir()
    tifffile.imwrite(folder / "masks" / "a.tif", mask)
    assert made(card(folder, "masks"), layout).dots("a").tolist() == [[2.5, 2.5]]
    mask[::3, ::4] = 255
    tifffile.imwrite(folder / "masks" / "a.tif", mask)
    fetch(card(folder, "masks"), layout)
    with pytest.raises(UserError, match="single label"):
        prepare(card(folder, "masks"), layout)
    assert Dataset.open(layout.dataset("mine")).dots("a").tolist() == [[2.5, 2.5]], "the old form stays"


@pytest.mark.parametrize(
    ("image", "dtype"),
    [
        (noise(6, 7, dtype=np.uint16) * 300, "uint16"),
        (noise(6, 7, dtype=np.dtype(">u2")), "uint16"),
        (noise(6, 7) / 3, "float32"),
        (noise(6, 7, dtype=np.int64), "uint8"),
        (noise(6, 7, dtype=np.int32) - 90, "float32"),
        (noise(6, 7) > 100, "uint8"),
    ],
)
def test_number_types(folder, layout, image, dtype):
    put(folder, "a,1,1\n", a=image)
    dataset = made(card(folder), layout)
    assert dataset.image("a").dtype == np.dtype(dtype)
    assert np.allclose(dataset.image("a"), image)
    assert dataset.info["dtype"] == dtype


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels_and_alpha(folder, layout, channels):
    put(folder, "a,1,1\n", a=noise(6, 7, channels))
    dataset = made(card(folder), layout)
    assert dataset.image("a").shape == {1: (6, 7), 2: (6, 7, 2), 3: (6, 7, 3), 4: (6, 7, 3)}[channels]
    assert dataset.info["channels"] == {1: 1, 2: 2, 3: 3, 4: 3}[channels]
    assert bool(dataset.info["notes"]) == (channels == 4)


@pytest.mark.parametrize("mode", ["P", "LA", "RGBA", "CMYK", "1", "I;16"])
def test_pictures_of_all_kinds(tmp_path, mode):
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    grey = (
        Image.fromarray(noise(6, 7, dtype=np.uint16))
        if mode == "I;16"
        else Image.fromarray(noise(6, 7)).convert(mode)
    )
    grey.save(path)
    shape = {"P": (6, 7, 3), "LA": (6, 7), "RGBA": (6, 7, 4), "CMYK": (6, 7, 3), "1": (6, 7), "I;16": (6, 7)}[
        mode
    ]
    assert read_image(path).shape == shape


@pytest.mark.parametrize("kind", ["minisblack", "rgb"])
def test_volumes(folder, layout, kind):
    volume = noise(3, 6, 7, dtype=np.uint16)
    # Some programs call three planes colours.
    tifffile.imwrite(folder / "images" / "a.tif", volume, photometric=kind)
    (folder / "dots.csv").write_text("image,z,y,x\na,2,5,6\n")
    dataset = made(card(folder, ndim=3, spacing=[2, 1, 1]), layout)
    assert isinstance(dataset.image("a"), np.memmap)
    assert np.array_equal(dataset.image("a"), volume)
    assert dataset.dots("a").tolist() == [[2, 5, 6]]
    assert dataset.shape("a") == (3, 6, 7)
    assert dataset.info["spacing"] == [2, 1, 1]


@pytest.mark.parametrize(
    ("image", "dots", "says"),
    [
        (noise(5, 6, 28), "a,1,1\n", "wrong dimension"),
        (noise(2, 3, 4, 5), "a,1,1\n", "wrong dimension"),
        (np.full((6, 7), 9, np.uint8), "a,1,1\n", "constant"),
        (np.where(noise(6, 7) > 100, np.nan, 1.0).astype(np.float32), "a,1,1\n", "not numbers"),
        (noise(6, 7).astype(np.complex64), "a,1,1\n", "complex64"),
    ],
)
def test_images_that_cannot_be_used(folder, layout, image, dots, says):
    put(folder, dots, a=image)
    problem = problem_of(card(folder), layout)
    assert says in problem.what
    assert problem.where == folder / "images" / "a.tif"


def test_a_constant_image_without_cells_is_noted(folder, layout):
    put(folder, "a,,\n", a=np.zeros((6, 7), np.uint8))
    assert made(card(folder), layout).info["notes"] == {"constant image (all 0), without cells": ["a"]}


def test_dots_outside_are_named_by_line_all_at_once(folder, layout):
    put(folder, "a,1,1\na,5.6,1\na,1,-3\na,5.5,6.5\n", a=noise(6, 7))
    problem = problem_of(card(folder), layout)
    assert "2 problems" in problem.what
    assert f"{folder / 'dots.csv'}:3" in problem.what
    assert f"{folder / 'dots.csv'}:4" in problem.what
    assert "y 0 to 5, x 0 to 6" in problem.what


def test_problems_of_all_images_are_told_together(folder, layout):
    put(folder, "good,1,1\n", good=noise(6, 7), flat=np.zeros((2, 3, 4, 5), np.uint8))
    (folder / "images" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n truncated")
    whole = folder / "images" / "half.jpg"
    Image.fromarray(noise(64, 64)).save(whole)
    whole.write_bytes(whole.read_bytes()[:300])
    (folder / "images" / "zero.tif").write_bytes(b"")
    problem = problem_of(card(folder), layout)
    assert "4 problems" in problem.what
    for name in ("cut.png", "half.jpg", "zero.tif", "flat.tif"):
        assert name in problem.what


def test_mixed_numbers_of_channels(folder, layout):
    put(folder, "a,1,1\n", a=noise(6, 7), b=noise(6, 7, 3))
    problem = problem_of(card(folder), layout)
    assert "1 (a), 3 (b)" in problem.what
    assert "channels: grey" in problem.next
    assert made(card(folder, options={"channels": "grey"}), layout).info["channels"] == 1


def test_mask_of_another_shape(folder, layout):
    put(folder, a=noise(6, 7))
    (folder / "masks").mkdir()
    tifffile.imwrite(folder / "masks" / "a.tif", np.ones((7, 6), np.uint8))
    assert "the mask has shape (7, 6), its image (6, 7)" in problem_of(card(folder, "masks"), layout).what


def test_larger_than_memory(folder, monkeypatch):
    path = folder / "images" / "a.tif"
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("M", (), {"available": 10}))
    tifffile.imwrite(path, noise(60, 70))
    assert isinstance(read_image(path), np.memmap), "what can be mapped need not fit"
    tifffile.imwrite(path, noise(60, 70), compression="zlib")
    with pytest.raises(UserError, match="larger than the memory"):
        read_image(path)
    Image.fromarray(noise(60, 70)).save(folder / "a.png")
    with pytest.raises(UserError, match="larger than the memory"):
        read_image(folder / "a.png")


def test_facts_of_the_card_are_held(folder, layout):
    put(folder, "a,3,4\n", a=noise(10, 20))
    wrong = card(folder, statistics={"images": 1, "dots": 2, "mean": 1.0})
    assert "dots: 1 instead of 2" in problem_of(wrong, layout).what
    made(card(folder, statistics={"images": 1, "dots": 1, "mean": 1.004}), layout)


def test_unknown_reader_and_unfetched(folder, layout):
    put(folder, "a,3,4\n", a=noise(10, 20))
    with pytest.raises(UserError, match="not fetched"):
        prepare(card(folder), layout)
    assert "did you mean 'points'" in problem_of(card(folder, "point"), layout).what
    with pytest.raises(UserError, match="no prepared dataset"):
        Dataset.open(layout.dataset("mine"))


def test_full_disk_leaves_nothing_behind(folder, layout, monkeypatch):
    put(folder, "a,3,4\n", a=noise(10, 20))

    def full(*args, **how):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(preparing, "write_image", full)
    assert "No space left" in problem_of(card(folder), layout).what
    assert list(layout.dataset("mine").parent.iterdir()) == []


def test_damaged_prepared_image(tmp_path):
    write_image(tmp_path / "images" / "a.tif", noise(6, 7))
    assert np.array_equal(open_image(tmp_path / "images" / "a.tif"), noise(6, 7))
    (tmp_path / "images" / "a.tif").write_bytes(b"II*")
    with pytest.raises(UserError, match="cannot open"):
        images.open_image(tmp_path / "images" / "a.tif")


def test_unknown_image(tiny_dataset):
    with pytest.raises(UserError, match="did you mean 'img001'"):
        Dataset.open(tiny_dataset).image("img1")


def test_patches_hold_every_pixel_and_every_dot_once(tiny_volumes):
    dataset = Dataset.open(tiny_volumes)
    sample = dataset.sample("img002")
    patches = cut(sample, (16, 20, 20))
    assert [patch.id for patch in patches] == [f"img002#0,{y},{x}" for y in (0, 20) for x in (0, 20)]
    assert sum(patch.image.size for patch in patches) == sample.image.size
    assert sum(len(patch.dots) for patch in patches) == len(sample.dots)
    for patch in patches:
        corner = [int(part) for part in patch.id.partition("#")[2].split(",")]
        assert {tuple(dot + corner) for dot in patch.dots} <= {tuple(dot) for dot in sample.dots}
        assert (patch.dots > -0.5).all()
        assert patch.mask.shape == patch.image.shape
    assert len(dataset.samples(["img000", "img001"], patch=(16, 16, 16))) == 8


def test_dots_on_a_seam_belong_to_one_patch(make_dataset, tmp_path):
    sample = Dataset.open(make_dataset(tmp_path / "seams")).sample("img000")
    edge = np.array([[-0.5, -0.5], [23.5, 19.5], [23.4999, 39.5], [47.5, 0.0]])
    patches = cut(type(sample)("img000", sample.image, edge), (24, 20))
    assert [len(patch.dots) for patch in patches] == [1, 1, 1, 1]
