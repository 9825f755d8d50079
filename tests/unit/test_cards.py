"""Cards: every problem at once, each with its line, what is allowed and the nearest name."""

from pathlib import Path

import pytest

from dotbench.cards import load_method
from dotbench.cards.load import Problems, read_yaml, validate
from dotbench.cards.method import METHOD
from dotbench.errors import UserError

GOOD = """\
name: A method
citation: nobody
kind: network
network: net
kernel: {name: gaussian, sigma: 2}
training:
  stages:
    - {steps: 3, batch: 2, lr: 0.1}
  optimizer: {name: sgd}
"""


def read(tmp_path: Path, text: str):
    file = tmp_path / "net.yaml"
    file.write_text(text)
    return validate(METHOD, read_yaml(file), {"id": "net"})


def problems(tmp_path: Path, text: str) -> str:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    return str(caught.value)


def test_a_good_card_is_typed(tmp_path):
    card = read(tmp_path, GOOD)
    assert card.training.stages[0].steps == 3
    assert card.kernel.slug == "gaussian-sigma_2"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("network: net", "network: net\nkernal: 1", 5, "did you mean 'kernel'"),
        ("{name: gaussian, sigma: 2}", "{name: gausian, sigma: 2}", 5, "did you mean 'gaussian'"),
        ("{name: gaussian, sigma: 2}", "{name: gaussian, sigmas: 2}", 5, "did you mean 'sigma'"),
        ("kind: network", "kind: netwrk", 3, "allowed: network, classical, rule"),
        ("name: sgd", "name: sgdd", 9, "allowed: sgd, adam, adamw"),
        ("batch: 2", "batch: two", 8, "got 'two'"),
        ("batch: 2, ", "", 8, "missing key 'training.stages.0.batch'"),
        ("steps: 3", "steps: 3, epochs: 2", 8, "either steps or epochs"),
        ("name: A method", "name: A\nname: B", 2, "given twice"),
        ("name: A method", "name: [A", 2, "not valid YAML"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, old, new, line, says):
    message = problems(tmp_path, GOOD.replace(old, new))
    assert says in message
    assert f"net.yaml:{line}" in message


def test_all_problems_at_once(tmp_path):
    text = (
        GOOD.replace("sigma: 2", "sigma: -2").replace("batch: 2", "batch: 0").replace("name: sgd", "nam: sgd")
    )
    with pytest.raises(Problems) as caught:
        read(tmp_path, text)
    assert len(caught.value.problems) == 4  # the wrong key counts twice: unknown, and the right one missing


def test_words_do_not_change_the_digest_and_numbers_do(tmp_path):
    card = read(tmp_path, GOOD)
    assert read(tmp_path, GOOD.replace("A method", "Another name")).digest == card.digest
    assert read(tmp_path, GOOD + "needs: {mem_mb: 9000}\n").digest == card.digest
    assert read(tmp_path, GOOD.replace("lr: 0.1", "lr: 0.2")).digest != card.digest


# --- volumes ---------------------------------------------------------------------------------------------------------


def card_of(tmp_path: Path, **texts: str):
    """The first of these cards, in a folder of their own."""
    folder = tmp_path / "methods"
    folder.mkdir(parents=True)
    for id, text in texts.items():
        (folder / f"{id}.yaml").write_text(text)
    return load_method(next(iter(texts)), folder=tmp_path)


def test_what_differs_for_volumes(tmp_path):
    text = GOOD + "ndim: [2, 3]\noptions: {a: 1, b: 2}\nvolumes:\n  options: {b: 3}\n  kernel: {sigma: 4}\n"
    card = card_of(tmp_path, one=text)
    assert (card.of(2).options, card.of(3).options) == ({"a": 1, "b": 2}, {"a": 1, "b": 3})
    assert card.of(3).kernel.sigma == 4
    other = card_of(tmp_path / "other", one=text.replace("sigma: 4", "sigma: 5"))
    assert other.of(2).digest == card.of(2).digest
    assert other.of(3).digest != card.of(3).digest
    with pytest.raises(Problems, match="one.yaml:14"):
        card_of(tmp_path / "wrong", one=text.replace("sigma: 4", "sigmas: 4"))


def test_crops_of_volumes_have_three_numbers(tmp_path):
    text = GOOD.replace("lr: 0.1", "lr: 0.1, crop: [8, 8]") + "ndim: [2, 3]\nvolumes: {options: {b: 3}}\n"
    with pytest.raises(Problems, match="crop needs 3 numbers"):
        card_of(tmp_path, one=text)
