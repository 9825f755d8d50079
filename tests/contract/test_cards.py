"""Every card of the repository is read, and the schemas that editors use follow the types."""

import pytest

from dotbench.cards import card_ids, load_dataset, load_method, load_paper
from dotbench.cards.schema import schemas
from dotbench.paths import CONFIG
from dotbench.plan import read_plan

LOAD = {"datasets": load_dataset, "methods": load_method, "papers": load_paper}
CARDS = [(kind, id) for kind in LOAD for id in card_ids(kind)]


def test_there_are_cards_of_every_kind():
    assert {kind for kind, _ in CARDS} == set(LOAD)


@pytest.mark.parametrize(("kind", "id"), CARDS)
def test_card_is_valid(kind, id):
    assert LOAD[kind](id).id == id


@pytest.mark.parametrize("name", ["config", "demo"])
def test_configuration_is_valid(name):
    assert read_plan(CONFIG / "config.yaml", CONFIG / f"{name}.yaml").trials


@pytest.mark.parametrize("name", schemas())
def test_schema_is_up_to_date(name):
    file = CONFIG / "schemas" / name
    assert file.read_text() == schemas()[name], "next: python -m dotbench.cards.schema"
