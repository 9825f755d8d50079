"""Splits: disjoint, complete, grouped where promised, and a test set that no other choice touches."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dotbench.data.splits import PARTS, PROTOCOLS, Split, make_split
from dotbench.errors import UserError


def rows(labelled: int, unlabelled: int = 0, per_group: int = 3) -> list[dict]:
    return [
        {"image": f"i{k:03d}", "group": f"g{k // per_group}", "labelled": k < labelled}
        for k in range(labelled + unlabelled)
    ]


choices = st.fixed_dictionaries(
    {
        "protocol": st.sampled_from(sorted(PROTOCOLS)),
        "images": st.builds(rows, st.integers(20, 60), st.integers(0, 8), st.integers(1, 4)),
        "n": st.integers(1, 5),
        "draw": st.integers(0, 9),
        "seed": st.integers(0, 3),
    }
)


@settings(deadline=None)
@given(choices)
def test_every_image_is_in_exactly_one_part(choice):
    split = make_split(**choice, dataset="d")
    parts = [image for part in PARTS for image in getattr(split, part)]
    assert sorted(parts) == [row["image"] for row in choice["images"]]
    assert len(split.train) == choice["n"] and split.test
    labelled = {row["image"] for row in choice["images"] if row["labelled"]}
    assert {*split.train, *split.validation, *split.test} <= labelled


@settings(deadline=None)
@given(choices, st.integers(1, 5), st.integers(0, 9))
def test_no_other_choice_touches_the_test_set(choice, n, draw):
    split = make_split(**choice, dataset="d")
    assert make_split(**choice | {"n": n, "draw": draw}, dataset="d").test == split.test


@settings(deadline=None)
@given(choices)
def test_the_same_seed_gives_the_same_split_in_any_order_of_files(choice):
    split = make_split(**choice, dataset="d")
    if choice["protocol"] != "xie2015":  # whose test set is "the last images", in the order of publication
        again = make_split(**choice | {"images": choice["images"][::-1]}, dataset="d")
        assert (again.train, again.validation, again.test) == (split.train, split.validation, split.test)


@settings(deadline=None)
@given(choices)
def test_groups_stay_together(choice):
    split = make_split(**choice | {"protocol": "grouped"}, dataset="d")
    group = {row["image"]: row["group"] for row in choice["images"]}
    train, validation, test = (
        {group[image] for image in part} for part in (split.train, split.validation, split.test)
    )
    assert not train & validation and not train & test and not validation & test


def test_draws_differ():
    assert len({make_split("xie2015", rows(40), 8, draw, dataset="d").train for draw in range(5)}) == 5


def test_xie2015_is_the_paper_s():
    split = make_split("xie2015", rows(200), 32, dataset="vgg")
    assert split.test == tuple(f"i{k:03d}" for k in range(100, 200))
    assert len(split.train) == 32 and len(split.validation) == 68 and not split.unlabelled


def test_guo2022_is_the_paper_s():
    split = make_split("guo2022", rows(200), 8, dataset="vgg")
    assert (len(split.train), len(split.unlabelled), len(split.test), len(split.validation)) == (
        8,
        92,
        100,
        0,
    )
    volumes = make_split("guo2022", rows(21, 55), 1, dataset="lightsheet", test=5)
    assert (len(volumes.train), len(volumes.unlabelled), len(volumes.test)) == (1, 15 + 55, 5)


def test_zheng2024_is_the_paper_s():
    split = make_split("zheng2024", rows(200), 100, dataset="vgg", patch=(300, 300))
    assert (len(split.train), len(split.test), len(split.validation)) == (100, 90, 10)
    assert split.patch == (300, 300)


def test_a_given_test_set_is_kept():
    split = make_split("grouped", rows(30), 3, dataset="d", test=("g1", "g4"))
    assert {int(image[1:]) // 3 for image in split.test} == {1, 4}


def test_a_published_test_set_may_be_named_by_images_and_keeps_its_groups_from_training():
    named = make_split("guo2022", rows(21, 4), 2, dataset="d", test=("i00?",))
    assert named.test == tuple(f"i{k:03d}" for k in range(10))
    assert len(named.unlabelled) == 21 - 10 - 2 + 4
    # i009 is of the same group as i010 and i011, which may then not train.
    grouped = make_split("grouped", rows(21), 3, dataset="d", test=("i00?",))
    assert grouped.test == named.test
    assert not {*grouped.train, *grouped.validation} & {"i010", "i011"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_too_many_training_images(protocol):
    with pytest.raises(UserError, match=r"N = 99 .*\n.*\n.*1 to \d+"):
        make_split(protocol, rows(40), 99, dataset="d")


def test_unknown_protocol_and_one_group():
    with pytest.raises(UserError, match="did you mean 'xie2015'"):
        make_split("xie2014", rows(40), 9, dataset="d")
    with pytest.raises(UserError, match="one group"):
        make_split("grouped", rows(40, per_group=99), 9, dataset="d")


def test_a_test_set_that_does_not_fit_the_images():
    with pytest.raises(UserError, match="leaves none to learn from"):
        make_split("random", rows(40), 1, dataset="d", test=40)
    with pytest.raises(UserError, match="unknown group or image 'g99'.*\n.*test"):
        make_split("grouped", rows(30), 3, dataset="d", test=("g1", "g99"))


def test_a_split_survives_its_file(tmp_path):
    split = make_split("zheng2024", rows(40, 3), 8, dataset="d", patch=(32, 32))
    split.write(tmp_path / "split.json")
    assert Split.read(tmp_path / "split.json") == split
