"""Instance masks to dots: every odd case of real annotations, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from dotbench.data.dots import masks_to_dots, pixels
from dotbench.data.pieces import find_pieces
from dotbench.errors import UserError

SMALL = st.lists(st.integers(1, 6), min_size=2, max_size=3).map(tuple)
MASKS = SMALL.flatmap(
    lambda shape: arrays.arrays(np.uint16, shape, elements=st.sampled_from([0, 1, 7, 60000]))
)


def brute_force(mask):
    """Sorted (label, size, centroid) of every piece."""
    found = []
    for label in np.unique(mask[mask != 0]):
        pieces, count = ndimage.label(mask == label, np.ones((3,) * mask.ndim))
        for piece in range(1, count + 1):
            where = np.argwhere(pieces == piece)
            found.append((int(label), len(where), *where.mean(0).round(6).tolist()))
    return sorted(found)


@settings(max_examples=150, deadline=None)
@given(mask=MASKS, slab=st.integers(1, 40))
def test_pieces_equal_brute_force_whatever_the_slabs(mask, slab):
    pieces = find_pieces(mask, slab)
    rows = zip(
        pieces.labels.tolist(), pieces.sizes.tolist(), *pieces.centroids.round(6).T.tolist(), strict=True
    )
    assert sorted(rows) == brute_force(mask)


@settings(max_examples=100, deadline=None)
@given(mask=MASKS)
def test_each_label_has_one_dot_inside_its_object(mask):
    if len(np.unique(mask[mask != 0])) < 2:
        mask[0, 0], mask[-1, -1] = 5, 6
    dots, labels, report = masks_to_dots(mask, min_fragment=3)
    assert labels.tolist() == np.unique(mask[mask != 0]).tolist()
    assert mask[tuple(pixels(dots).T)].tolist() == labels.tolist()
    pieces = brute_force(mask)
    assert report["objects"] == len(labels)
    for label in labels.tolist():
        sizes = sorted((piece[1] for piece in pieces if piece[0] == label), reverse=True)
        assert report["split"].get(label, sizes) == sizes
        assert (label in report["split"]) == (len(sizes) > 1)
        assert report["fragments"].get(label, []) == [size for size in sizes if size < 3]


@pytest.mark.parametrize("shape", [(12, 15), (6, 12, 15)])
def test_no_object_gives_no_dot(shape):
    dots, labels, report = masks_to_dots(np.zeros(shape, np.uint8))
    assert dots.shape == (0, len(shape))
    assert labels.shape == (0,)
    assert report == {"objects": 0, "split": {}, "border": [], "fragments": {}, "moved": []}


def test_touching_objects_stay_apart():
    mask = np.zeros((4, 8), np.int32)
    mask[1:3, 1:4], mask[1:3, 4:7] = 9, 4
    dots, labels, report = masks_to_dots(mask)
    assert labels.tolist() == [4, 9]
    assert dots.tolist() == [[1.5, 5.0], [1.5, 2.0]]
    assert not report["split"]
    assert not report["border"]


def test_split_object_is_one_dot_in_its_largest_piece():
    mask = np.zeros((3, 20), np.uint8)
    mask[1, 1:3], mask[1, 10:17] = 3, 3
    dots, _, report = masks_to_dots(mask, min_fragment=3)
    assert dots.tolist() == [[1.0, 13.0]]
    assert report["split"] == {3: [7, 2]}
    assert report["fragments"] == {3: [2]}


def test_tiny_object_is_reported_and_kept():
    mask = np.zeros((5, 5), np.uint8)
    mask[2, 2] = 8
    dots, _, report = masks_to_dots(mask, min_fragment=4)
    assert dots.tolist() == [[2.0, 2.0]]
    assert report["fragments"] == {8: [1]}


def test_objects_cut_by_the_border_are_reported():
    mask = np.zeros((5, 6, 7), np.uint8)
    mask[0, 2, 2], mask[2, 2, 2], mask[4, 5, 6], mask[2, 3, 6] = 1, 2, 3, 4
    assert masks_to_dots(mask)[2]["border"] == [1, 3, 4]


def test_single_plane_is_not_all_border():
    mask = np.zeros((1, 6, 7), np.uint8)
    mask[0, 3, 3] = 1
    assert masks_to_dots(mask)[2]["border"] == []


def test_centroid_outside_a_concave_object_moves_to_its_nearest_voxel():
    mask = np.zeros((40, 40), np.uint8)
    mask[5:35, 5:8] = mask[5:8, 5:35] = mask[32:35, 5:35] = 2
    dots, _, report = masks_to_dots(mask)
    centroid = np.argwhere(mask).mean(0)
    distances = np.linalg.norm(np.argwhere(mask) - centroid, axis=1)
    assert report["moved"] == [2]
    assert mask[tuple(dots[0].astype(int))] == 2
    assert np.linalg.norm(dots[0] - centroid) == pytest.approx(distances.min())


def test_nearest_voxel_is_measured_in_the_spacing():
    mask = np.zeros((9, 9, 9), np.uint8)
    mask[1, 4, :], mask[7, 4, :], mask[1:8, 4, 0] = 1, 1, 1
    near = {
        axis: masks_to_dots(mask, spacing=spacing)[0][0]
        for axis, spacing in [("x", (9, 1, 1)), ("z", (1, 1, 9))]
    }
    assert near["x"].tolist() == [4, 4, 0]
    assert near["z"][0] in (1, 7)


def test_ids_beyond_16_bits():
    mask = np.zeros((4, 4), np.uint32)
    mask[1, 1], mask[3, 3] = 4_000_000_000, 17
    assert masks_to_dots(mask)[1].tolist() == [17, 4_000_000_000]


def test_memory_mapped_mask(tmp_path):
    mask = np.zeros((6, 7), np.uint16)
    mask[2:4, 2:4] = 5
    np.save(tmp_path / "mask.npy", mask)
    assert masks_to_dots(np.load(tmp_path / "mask.npy", mmap_mode="r"))[0].tolist() == [[2.5, 2.5]]


def foreground():
    mask = np.zeros((20, 20), bool)
    mask[1::4, 1::4] = True
    return mask


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (foreground(), "a single label"),
        (np.zeros((4, 4), np.float32), "float32"),
        (np.array([[0, -1]], np.int16), "negative label -1"),
        (np.zeros((0, 4), np.uint8), "shape"),
        (np.zeros((2, 2, 2, 2), np.uint8), "shape"),
    ],
)
def test_bad_masks_are_refused_with_their_file(mask, says):
    with pytest.raises(UserError, match=says) as error:
        masks_to_dots(mask, where="masks/a.tif")
    assert error.value.where == "masks/a.tif"
