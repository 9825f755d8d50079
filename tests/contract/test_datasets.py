"""Every dataset card: complete, its source pinned, and its facts found again in the real files."""

from __future__ import annotations

import importlib
import json
import re

import numpy as np
import pytest

from dotbench.cards import card_ids, load_dataset
from dotbench.cards.dataset import Archive, Files, Manual, Simulated
from dotbench.cards.load import options_of
from dotbench.data.dataset import Dataset
from dotbench.data.dots import pixels
from dotbench.data.fetch import table_of
from dotbench.data.files import read_table, sha256_of
from dotbench.data.record import is_id

CARDS = {id: load_dataset(id) for id in card_ids("datasets")}
PUBLIC = [id for id, card in CARDS.items() if isinstance(card.source, Files | Archive)]


@pytest.mark.parametrize("id", CARDS)
def test_card_can_be_used(id):
    card = CARDS[id]
    reader = importlib.import_module(f"dotbench.data.readers.{card.reader}")
    if hasattr(reader, "Options") and not isinstance(card.source, Simulated):
        options_of(card, reader.Options)
    assert card.ndim == 2 or card.spacing, "3D voxels are seldom cubes: the card must say"
    assert card.ndim == 2 or card.match.rule == "mask"


@pytest.mark.parametrize("id", PUBLIC)
def test_source_is_pinned(id):
    card = CARDS[id]
    assert re.search(r"/[0-9a-f]{40}(/|$)", card.source.url), (
        "an address without a commit changes its content"
    )
    files = read_table(table_of(card))
    assert len({file.path for file in files}) == len(files) > 0
    assert card.statistics is not None
    assert card.statistics.dots is not None


@pytest.mark.parametrize("id", [id for id, card in CARDS.items() if isinstance(card.source, Manual)])
def test_manual_source_says_what_to_do(id):
    assert f"resources/raw/{id}/" in CARDS[id].source.instructions
    assert CARDS[id].source.expected


@pytest.mark.parametrize("id", PUBLIC)
def test_facts_are_found_in_the_real_files(id, prepared):
    card, dataset = CARDS[id], Dataset.open(prepared(id))
    found = dataset.info["statistics"]
    for name, value in card.statistics.model_dump(exclude_none=True).items():
        assert found[name] == pytest.approx(value, abs=0.0051), name
    assert len(dataset.ids) == card.statistics.images
    assert int(dataset.images["dots"].sum()) == card.statistics.dots
    assert json.loads((dataset.folder / "dataset.json").read_text())["digest"] == dataset.info["digest"]


@pytest.mark.parametrize("id", PUBLIC)
def test_every_image_fits_its_annotation(id, prepared):
    card, dataset = CARDS[id], Dataset.open(prepared(id))
    for name in dataset.ids:
        sample = dataset.sample(name)
        assert is_id(name)
        assert isinstance(sample.image, np.memmap)
        assert sample.image.shape[: card.ndim] == dataset.shape(name)
        assert (sample.image.ndim > card.ndim) == (dataset.info["channels"] > 1)
        assert (sample.dots is None) == (name not in dataset.labelled)
        if sample.dots is None:
            continue
        where = tuple(pixels(sample.dots).T)
        if sample.mask is not None:
            under = sample.mask[where]
            assert np.array_equal(np.sort(under), np.unique(sample.mask)[1:]), "each dot in its own object"
        if sample.roi is not None:
            assert sample.roi[where].all()
    kept = {
        name: sum_
        for name, sum_ in dataset.info["files"].items()
        if name.endswith((".csv", f"{dataset.ids[0]}.tif"))
    }
    assert kept == {name: sha256_of(dataset.folder / name) for name in kept}


def test_groups_are_those_of_the_publications(prepared):
    groups = {
        id: set(Dataset.open(prepared(id)).groups.values())
        for id in ("mbm", "adi", "bbbc050", "phase_contrast")
    }
    assert {id: len(found) for id, found in groups.items()} == {
        "mbm": 8,
        "adi": 165,
        "bbbc050": 13,
        "phase_contrast": 4,
    }
    assert sum(group.startswith("test_") for group in groups["bbbc050"]) == 2


def test_points_of_the_phase_contrast_images(prepared):
    dataset = Dataset.open(prepared("phase_contrast"))
    assert {id: len(dataset.dots(id)) for id in dataset.labelled} == {
        "image_01": 1755,
        "image_02": 1187,
        "image_04": 974,
    }
    assert [id for id in dataset.ids if id not in dataset.labelled] == [
        "image_03",
        "image_05",
        "image_08",
        "image_20",
    ]
    # Clumps that the annotator left out are a small part: more would mean that empty ground is left out too.
    assert all(0.75 < dataset.roi(id).mean() < 0.95 for id in dataset.labelled)


def test_mbm_patches_of_zheng(prepared):
    size = CARDS["mbm"].patches["zheng2024"]
    patches = Dataset.open(prepared("mbm")).samples(["BM_GRAZ_HE_0001_01_000"], patch=size)
    assert [patch.id.partition("#")[2] for patch in patches] == ["0,0", "0,300", "300,0", "300,300"]
    assert all(patch.image.shape == (300, 300, 3) for patch in patches)
