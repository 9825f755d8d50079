"""dotbench diff: equal, noise, or a difference that noise does not explain."""

import numpy as np
import pytest
from made_results import make_result

from dotbench.cli import main
from dotbench.contract.layout import Layout
from dotbench.contract.trial import Trial
from dotbench.files import read_csv, write_csv
from dotbench.score.diff import compare

TRIAL = Trial("vgg", "xie2015", 8, 0, "net")


@pytest.fixture
def trees(tmp_path):
    for name in "ab":
        make_result(Layout(results=tmp_path / name), TRIAL, images=40)
    return tmp_path / "a", tmp_path / "b"


def shift(tree, by):
    file = tree / str(TRIAL) / "per_image.csv"
    rows = read_csv(file)
    for row, more in zip(rows, by, strict=True):
        row["predicted"] = float(row["true"]) + more
    write_csv(file, list(rows[0]), rows)


def test_equal_trees_are_identical(trees):
    assert [one.verdict for one in compare(*trees)] == ["identical"]


def test_a_little_more_or_less_is_noise_and_much_is_not(trees):
    errors = np.random.default_rng(0).normal(0, 3, 40)
    shift(trees[0], errors)
    shift(trees[1], errors[::-1])
    assert [one.verdict for one in compare(*trees)] == ["within noise"]
    shift(trees[1], errors + 20)
    (found,) = compare(*trees)
    assert found.verdict == "different" and found.why == "MAE" and found.mae > 10


def test_errors_the_other_way_round_are_not_identical(trees):
    errors = np.random.default_rng(0).normal(0, 3, 40)
    shift(trees[0], errors)
    shift(trees[1], -errors)
    assert [one.verdict for one in compare(*trees)] == ["within noise"]


def test_rounding_is_no_difference_and_one_image_no_noise(trees, tmp_path):
    errors = np.random.default_rng(0).normal(0, 3, 40)
    shift(trees[0], errors)
    shift(trees[1], errors * (1 + 1e-6))
    assert [one.verdict for one in compare(*trees)] == ["within noise"]
    for name, mae in (("c", 3.0), ("d", 3.5)):
        make_result(Layout(results=tmp_path / name), TRIAL, mae=mae, images=1)
    for name in "cd":
        shift(tmp_path / name, [float(ord(name))])
    assert [one.verdict for one in compare(tmp_path / "c", tmp_path / "d")] == ["different"]


def test_a_trial_on_one_side_is_missing(trees):
    make_result(Layout(results=trees[1]), Trial("vgg", "xie2015", 8, 1, "net"))
    assert [one.verdict for one in compare(*trees)] == ["identical", "missing"]


def test_the_command_tells_and_fails_on_a_difference(trees, capsys):
    assert main(["diff", *map(str, trees)]) == 0
    shift(trees[1], [50.0] * 40)
    assert main(["diff", *map(str, trees)]) == 1
    assert "1 different" in capsys.readouterr().out
    assert main(["diff", "nowhere", str(trees[0])]) == 2
