"""Readers: the details of each published layout that change counts, and anybody's own folders."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from dotbench.cards import load_dataset
from dotbench.cards.dataset import DatasetCard
from dotbench.data.readers import (
    adi,
    bbbc050,
    dot_images,
    dsb2018,
    lightsheet,
    masks,
    mbm,
    phase_contrast,
    points,
    vgg,
)
from dotbench.data.record import ImageRecord, by_number, image_id
from dotbench.errors import UserError


def card(reader: str, ndim: int = 2, **options) -> DatasetCard:
    return DatasetCard(
        id="mine",
        name="Mine",
        citation="c",
        licence="l",
        ndim=ndim,
        cell_radius=3,
        match={"radius": 3},
        reader=reader,
        options=options,
        source={"kind": "folder", "path": "mine"},
    )


def records(module, raw: Path, card: DatasetCard) -> list[ImageRecord]:
    return [load() for load in module.read(raw, card)]


def save(path: Path, pixels: np.ndarray, **how) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **how)


def noise(shape: tuple[int, ...], dtype=np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, shape).astype(dtype)


def with_dots(shape: tuple[int, int], *dots: tuple[int, int]) -> np.ndarray:
    picture = np.zeros((*shape, 3), np.uint8)
    for y, x in dots:
        picture[y, x] = 255
    return picture


def test_vgg_takes_blue_and_counts_every_dot_pixel(tmp_path):
    image = noise((8, 9, 3))
    save(tmp_path / "cells" / "002cell.png", image)
    save(tmp_path / "cells" / "002dots.png", with_dots((8, 9), (0, 0), (3, 4), (3, 5)))
    (record,) = records(vgg, tmp_path, card("vgg"))
    assert record.id == "002cell"
    assert np.array_equal(record.image, image[..., 2])
    assert record.dots.tolist() == [[0, 0], [3, 4], [3, 5]], "two dots that touch are two cells"


def test_adi_bears_jpeg_dots_and_knows_the_donor(tmp_path):
    name = "0-11900_GTEX-13QJC_Adipose-Subcutaneous.jpeg"
    save(tmp_path / "adipocyte_data" / "images" / name, noise((16, 16, 3)))
    save(
        tmp_path / "adipocyte_data" / "annotations" / name,
        with_dots((16, 16), (3, 3), (9, 12)),
        quality=95,
        subsampling=0,
    )
    (record,) = records(adi, tmp_path, card("adi"))
    assert record.dots.tolist() == [[3, 3], [9, 12]]
    assert record.group == "GTEX-13QJC"


@pytest.mark.parametrize(("group", "expected"), [("person", "person_0001"), ("field", "field_0001_02")])
def test_mbm_groups(tmp_path, group, expected):
    save(tmp_path / "MBM_data" / "BM_GRAZ_HE_0001_02_003.png", noise((6, 6, 3)))
    Image.fromarray(np.eye(6) > 0.5).save(tmp_path / "MBM_data" / "BM_GRAZ_HE_0001_02_dots_003.png")
    (record,) = records(mbm, tmp_path, card("mbm", group=group))
    assert record.group == expected
    assert len(record.dots) == 6


def test_dots_of_another_size_are_refused(tmp_path):
    save(tmp_path / "cells" / "001cell.png", noise((8, 9, 3)))
    save(tmp_path / "cells" / "001dots.png", with_dots((9, 8), (1, 1)))
    with pytest.raises(UserError, match="8, 9"):
        records(vgg, tmp_path, card("vgg"))


def label_studio(image: str, *points: tuple[str, float, float]) -> dict:
    values = [{"x": x, "y": y, "width": 0.4, "keypointlabels": [label]} for label, y, x in points]
    results = [
        {"original_width": 40, "original_height": 20, "value": value, "type": "keypointlabels"}
        for value in values
    ]
    return {"data": {"img": f"/data/upload/4/b07bc20f-{image}.jpg"}, "annotations": [{"result": results}]}


@pytest.fixture
def thesis(tmp_path) -> Path:
    folder = tmp_path / "data" / "third"
    for name in ("1", "2", "10"):
        # Flat ground on the left, texture on the right.
        pixels = np.full((200, 400, 3), 128, np.uint8)
        pixels[:, 200:] = noise((200, 200, 3))
        save(folder / f"{name}.jpg", pixels, quality=100, subsampling=0)
    dead = ("Dead cell/debris", 50.0, 90.0)
    tasks = [label_studio("1", ("Live Cell", 50.0, 62.5), dead), label_studio("2")]
    (folder / "points2.json").write_text(json.dumps(tasks))
    (folder / "data.csv").write_text(
        "img flask mag vol   count     \n1   0  20  150   4E7\n2   0  20 150 4E7\n10  D 10 75 4E7\n"
    )
    return tmp_path


def test_phase_contrast_points_groups_and_roi(thesis):
    first, second, third = records(phase_contrast, thesis, card("phase_contrast"))
    assert [record.id for record in (first, second, third)] == ["image_01", "image_02", "image_10"]
    assert first.dots.tolist() == [[99.5, 249.5]], "percent of 200 x 400 from the corner, to pixel centres"
    assert first.roi[100, 250], "near a cell"
    assert first.roi[100, 360], "near debris: the annotator looked there"
    assert first.roi[100, 50], "empty ground"
    assert not first.roi[10, 300], "texture far from any point: nobody could tell cells there"
    assert second.labelled
    assert second.dots.shape == (0, 2)
    assert not third.labelled
    assert (first.group, third.group) == ("flask_0", "flask_D")


@pytest.mark.parametrize("text", ["{", '[{"data": {}}]', '[{"data": {"img": "x.jpg"}, "annotations": []}]'])
def test_points_that_are_no_label_studio_export(thesis, text):
    (thesis / "data" / "third" / "points2.json").write_text(text)
    with pytest.raises(UserError, match=r"points|Label Studio"):
        records(phase_contrast, thesis, card("phase_contrast"))


def test_bbbc050_keeps_embryos_of_both_sets_apart(tmp_path):
    for subset, name in (("train", "Emb01_t351.tif"), ("test", "Emb1_t351.tif")):
        for folder in (f"Images/{subset}/Images", f"GroundTruth/{subset}/GroundTruth_QCANet"):
            (tmp_path / "data" / folder).mkdir(parents=True)
            tifffile.imwrite(
                tmp_path / "data" / folder / name, noise((3, 4, 5), np.uint16), photometric="minisblack"
            )
    train, test = records(bbbc050, tmp_path, card("bbbc050", ndim=3))
    assert (train.id, train.group) == ("train_emb01_t351", "train_emb01")
    assert (test.id, test.group) == ("test_emb1_t351", "test_emb1")
    assert train.mask.shape == train.image.shape == (3, 4, 5)


def test_dsb2018_keeps_a_small_nucleus_above_a_large_one(tmp_path):
    folder = tmp_path / "stage1_train" / "0123456789abcdef"
    grey = noise((8, 8))
    alpha = np.full_like(grey, 255)
    save(folder / "images" / "0123456789abcdef.png", np.stack([grey, grey, grey, alpha], axis=-1))
    small, large = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    small[2:4, 2:4], large[1:7, 1:7] = 255, 255
    save(folder / "masks" / "a.png", small)
    save(folder / "masks" / "b.png", large)
    (record,) = records(dsb2018, tmp_path, card("dsb2018"))
    assert record.id == "dsb_01234567"
    assert np.array_equal(record.image, grey)
    assert np.bincount(record.mask.ravel()).tolist() == [28, 32, 4]
    assert any("overlap in 4 pixels" in note for note in record.notes)


def test_dcc_layout(tmp_path):
    save(tmp_path / "images" / "1.png", noise((20, 30, 3)))
    save(tmp_path / "images" / "2.jpg", noise((25, 20)))
    save(tmp_path / "images" / "10.png", noise((20, 30, 3)))
    save(tmp_path / "dots" / "1.png", with_dots((20, 30), (4, 5)))
    save(tmp_path / "dots" / "2.png", with_dots((25, 20), (4, 5), (24, 19)))
    dcc = load_dataset("dcc")
    assert dcc.reader == "dot_images"
    found = records(dot_images, tmp_path, dcc)
    assert [(record.id, record.labelled) for record in found] == [
        ("image_1", True),
        ("image_2", True),
        ("image_10", False),
    ]
    assert [record.image.ndim for record in found] == [2, 2, 2]
    assert found[1].dots.tolist() == [[4, 5], [24, 19]]


def volume(path: Path, zyx: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(".tif"):
        tifffile.imwrite(path, zyx, photometric="minisblack")
    else:
        nibabel.save(nibabel.Nifti1Image(zyx.T, np.eye(4)), path)


def test_lightsheet_layout(tmp_path):
    image, traced = noise((4, 6, 8), np.uint16), np.zeros((4, 6, 8), np.uint16)
    traced[1, 2:4, 2:4], traced[2:, 5, 6:] = 7, 9
    volume(tmp_path / "raw" / "075" / "i0201_final.nii", image)
    volume(tmp_path / "raw" / "075" / "c0201_final.nii", traced)
    volume(tmp_path / "raw" / "075" / "i0102_x.nii.gz", image)
    volume(tmp_path / "raw" / "121" / "i0101_x.nii", image)
    volume(tmp_path / "validation" / "075" / "f0301_x.tif", image)
    volume(tmp_path / "validation" / "075" / "l0301_x.tif", (traced > 0).astype(np.uint8))
    found = records(lightsheet, tmp_path, load_dataset("lightsheet"))
    assert [record.id for record in found] == ["train_i0102_x", "train_i0201_final", "test_f0301_x"]
    assert [record.labelled for record in found] == [False, True, True]
    assert [record.group for record in found] == ["set_02", "set_01", "set_01"]
    assert np.array_equal(found[1].image, image)
    assert np.array_equal(found[1].mask, traced)
    assert np.unique(found[2].mask).tolist() == [0, 1, 2], "black-and-white labels are taken apart"


def test_lightsheet_without_volumes(tmp_path):
    volume(tmp_path / "brain.nii", noise((2, 3, 4)))
    with pytest.raises(UserError, match="NuMorph"):
        records(lightsheet, tmp_path, load_dataset("lightsheet"))


@pytest.fixture
def mine(tmp_path) -> Path:
    for name in ("1.png", "2.png", "10.png"):
        save(tmp_path / "images" / name, noise((20, 30)))
    (tmp_path / "images" / "._1.png").write_bytes(b"not an image")
    (tmp_path / "images" / "notes.txt").write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    "text", ["image,y,x\n1.png,4,5.5\n1,6,7\n2.png,,\n", "Image;X;Y\n1.png;5.5;4\n1.png;7;6\n2;;\n"]
)
def test_points_from_a_table(mine, text):
    (mine / "dots.csv").write_text(text, encoding="utf-8-sig")
    first, second, third = records(points, mine, card("points"))
    assert [record.id for record in (first, second, third)] == ["image_1", "image_2", "image_10"]
    assert first.dots.tolist() == [[4, 5.5], [6, 7]]
    assert (second.labelled, len(second.dots)) == (True, 0), "named without coordinates: looked at, no cells"
    assert not third.labelled, "not named: nobody looked"


def test_points_options(mine):
    (mine / "points.csv").write_text("image,y,x\n1.png,1,1\n")
    (mine / "groups.csv").write_text("image,group\n1.png,patient A\n2.png,patient A\n")
    options = {"dots": "points.csv", "first_pixel": 1, "without_dots": "empty", "groups": "groups.csv"}
    first, second, third = records(points, mine, card("points", **options))
    assert first.dots.tolist() == [[0, 0]]
    assert (first.group, second.group, third.group) == ("patient_A", "patient_A", None)
    assert third.labelled
    assert len(third.dots.reshape(-1, 2)) == 0


def test_points_in_3d(tmp_path):
    volume(tmp_path / "images" / "a.tif", noise((4, 6, 8)))
    (tmp_path / "dots.csv").write_text("image,x,y,z\na.tif,3,2,1\n")
    (record,) = records(points, tmp_path, card("points", ndim=3))
    assert record.dots.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("image,y\n1.png,3\n", 1, "no column x"),
        ("image,y,x\n1.png,3,4\n3.png,1,1\n", 3, "unknown image '3.png'"),
        ("image,y,x\n1.png,3,four\n", 2, "x is 'four'"),
        ("image,y,x\n1.png,nan,4\n", 2, "y is 'nan'"),
        ("image,y,x\n1.png,4\n", 2, "too few values"),
    ],
)
def test_a_bad_table_is_named_by_line(mine, text, line, says):
    (mine / "dots.csv").write_text(text)
    with pytest.raises(UserError, match=says) as problem:
        records(points, mine, card("points"))
    assert problem.value.where == f"{mine / 'dots.csv'}:{line}"


def test_a_mistyped_option_is_named(mine):
    with pytest.raises(UserError, match="did you mean 'first_pixel'"):
        records(points, mine, card("points", first_pixl=1))


def test_images_of_equal_name(mine):
    save(mine / "images" / "1.jpg", noise((20, 30)))
    with pytest.raises(UserError, match="same id"):
        records(points, mine, card("points"))


def test_masks_by_name(mine):
    labels = np.zeros((20, 30), np.uint16)
    labels[2:5, 2:5], labels[8:12, 9:12] = 3, 70
    (mine / "masks").mkdir()
    tifffile.imwrite(mine / "masks" / "1_cp_masks.tif", labels.astype(np.float32))
    save(mine / "masks" / "2_cp_masks.png", np.repeat((labels > 0)[..., None] * np.uint8(255), 3, axis=-1))
    first, second, third = records(masks, mine, card("masks", mask_name="{image}_cp_masks"))
    assert np.array_equal(first.mask, labels)
    assert np.unique(second.mask).tolist() == [0, 255]
    assert not third.labelled
    options = {"mask_name": "{image}_cp_masks", "instances": "components"}
    assert np.unique(records(masks, mine, card("masks", **options))[1].mask).tolist() == [0, 1, 2]


def test_dot_images_in_the_same_folder(tmp_path):
    save(tmp_path / "a.png", noise((8, 8)))
    save(tmp_path / "a_dots.png", with_dots((8, 8), (1, 2)))
    (record,) = records(
        dot_images, tmp_path, card("dot_images", images=".", dots=".", dot_name="{image}_dots")
    )
    assert (record.id, record.dots.tolist()) == ("a", [[1, 2]])


@pytest.mark.parametrize(("channels", "expected"), [("keep", (20, 30, 3)), ("grey", (20, 30)), (1, (20, 30))])
def test_channels(tmp_path, channels, expected):
    image = noise((20, 30, 3))
    save(tmp_path / "images" / "a.png", image)
    (tmp_path / "dots.csv").write_text("image,y,x\na,1,1\n")
    (record,) = records(points, tmp_path, card("points", channels=channels))
    assert record.image.shape == expected
    if channels == 1:
        assert np.array_equal(record.image, image[..., 1])
    with pytest.raises(UserError, match="channel 7"):
        records(points, tmp_path, card("points", channels=7))


@pytest.mark.parametrize(
    ("stem", "id"),
    [
        ("001cell", "001cell"),
        ("12", "image_12"),
        ("1e5", "image_1e5"),
        ("my image#1", "my_image_1"),
        ("..", "image"),
    ],
)
def test_ids_are_safe_names_and_no_numbers(stem, id):
    assert image_id(stem) == id
    assert image_id(id) == id


def test_numbers_sort_as_numbers():
    assert sorted(["b10", "b9", "a"], key=by_number) == ["a", "b9", "b10"]
