"""Method cards from families and recipes: layers, variants, grids, old names, and what bad ones are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dotbench.cards import card_ids, load_method
from dotbench.cards.families import MethodId, method_ids, resolve
from dotbench.contract.trial import Trial, aliases, method_id
from dotbench.errors import UserError
from dotbench.paths import CONFIG

FAMILY = """
name: Net
citation: none
kind: network
network: fcrn_a
kernel: {name: gaussian, sigma: 2.0}
recipes:
  fast: {training: {stages: [{steps: 1, batch: 1, lr: 0.1}]}}
  fast+more: {label: more, start: {dataset: vgg, protocol: xie2015, n: 8}}
variants:
  wide:
    name: Wide net
    options: {bottleneck: 1024}
    recipes: {fast: {options: {widths: [1, 2, 3]}}}
  wider: {based_on: wide, options: {bottleneck: 2048}}
"""
RECIPE = """
label: in a hurry
method:
  training: {optimizer: {name: adam}, validate_every: 7}
"""


@pytest.fixture
def config(tmp_path: Path):
    def write(family: str = FAMILY, **recipes: str) -> Path:
        (tmp_path / "methods").mkdir(exist_ok=True)
        (tmp_path / "recipes").mkdir(exist_ok=True)
        (tmp_path / "methods" / "net.yaml").write_text(family)
        for name, text in ({"fast": RECIPE} | recipes).items():
            (tmp_path / "recipes" / f"{name}.yaml").write_text(text)
        return tmp_path

    return write


def test_layers_win_from_family_over_recipe_to_variant(config):
    folder = config()
    card = load_method("net-wider@fast+more", folder=folder)
    assert card.options == {"bottleneck": 2048, "widths": [1, 2, 3]}
    assert card.training.validate_every == 7 and card.training.stages[0].steps == 1
    assert card.name == "Wide net (in a hurry, more)"
    # Without a word about it, a recipe over another starts from that one's training.
    assert card.start.method == "net-wider@fast"
    assert card.line_of("options", "bottleneck").endswith("net.yaml:15")
    assert card.line_of("training", "validate_every").endswith("fast.yaml:4")


def test_every_combination_of_variant_and_recipe_is_a_method(config):
    assert set(method_ids(config())) == {
        f"net{variant}@{recipe}" for variant in ("", "-wide", "-wider") for recipe in ("fast", "fast+more")
    }


def test_a_grid_makes_variants_without_copies(config):
    family = FAMILY.partition("variants:")[0] + "grid: {init: [kaiming, orthogonal], bottleneck: [64, n32]}\n"
    with pytest.raises(UserError, match="'64' cannot be part of an id"):
        method_ids(config(family))
    family = family.replace("[64, n32]", "{small: {options: {bottleneck: 32}}, large: {}}")
    folder = config(family)
    assert "net-kaiming-small@fast" in method_ids(folder) and "net@fast" not in method_ids(folder)
    assert resolve("net-kaiming-small@fast", folder).content["options"] == {
        "init": "kaiming",
        "bottleneck": 32,
    }


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("based_on: wide,", "based_on: wide_,", "unknown variant of net 'wide_'"),
        ("based_on: wide,", "based_on: wider,", "a variant based on itself"),
        ("  fast+more:", "  fsat+more:", "unknown recipe 'fsat'"),
        ("recipes:\n  fast:", "grid: {}\nrecipes:\n  slow:", "unknown recipe 'slow'"),
        ("variants:", "grid: {init: []}\nvariants:", "init has no values"),
        (
            "variants:",
            "plain: true\ngrid: {init: [wide]}\nvariants:",
            "two variants of net are called 'wide'",
        ),
        ("variants:\n", "variants: [wide]\nnotes:\n", "variants: should be `key: value` lines"),
    ],
)
def test_what_is_wrong_with_a_family_is_told_with_its_line(config, old, new, says):
    assert old in FAMILY
    folder = config(FAMILY.replace(old, new, 1))
    with pytest.raises(UserError, match=says) as told:
        [resolve(id, folder) for id in method_ids(folder)]
    assert "net.yaml:" in str(told.value)


def test_a_recipe_based_on_itself_and_an_unknown_key_are_refused(config):
    with pytest.raises(UserError, match="a recipe based on itself"):
        resolve("net@fast", config(fast="based_on: slow\nlabel: x\n", slow="based_on: fast\nlabel: y\n"))
    with pytest.raises(UserError, match="unknown key 'metod' of a recipe"):
        resolve("net@fast", config(fast="metod: {}\n"))


@pytest.mark.parametrize(
    ("id", "says"),
    [
        ("net@fats", "did you mean 'net@fast'"),
        ("net-wid@fast", "did you mean 'net-wide@fast'"),
        ("nte@fast", "did you mean 'net@fast'"),
        ("Net@fast", "no id of a method"),
        ("net@", "no id of a method"),
        ("net/../x", "no id of a method"),
    ],
)
def test_an_id_that_is_not_there_is_told_the_nearest(config, id, says):
    with pytest.raises(UserError, match=says):
        resolve(id, config())


@pytest.mark.parametrize("text", ["net", "net-wide", "net-a-b@fast", "net@a+b", "net-wide@a+b_2"])
def test_an_id_is_read_as_it_is_written(text):
    assert str(MethodId.parse(text)) == text
    assert Trial.parse(f"vgg/xie2015/n8/draw0/{text}").method == text


def test_old_names_still_work_and_shadow_nothing():
    ids = set(card_ids("methods"))
    for old, new in aliases().items():
        assert new in ids and old not in ids
        assert load_method(old).id == new == method_id(old)
        assert Trial.parse(f"vgg/xie2015/n8/draw0/{old}").method == new


@pytest.mark.parametrize("id", card_ids("methods"))
def test_every_value_of_a_card_has_a_place(id):
    source = resolve(id, CONFIG)
    for key in source.content:
        assert ":" in source.at((key,))
