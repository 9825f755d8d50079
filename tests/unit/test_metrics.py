"""Every metric against a value worked out by hand, and its interval."""

import numpy as np
import pytest

from dotbench.score.metrics import game, metrics

# Three images: counts off by +2, -4 and 0; 1 + 2 + 3 hits.
UNITS = {
    "true": [10, 20, 30],
    "predicted": [12, 16, 30],
    "tp": [1, 2, 3],
    "fp": [1, 0, 0],
    "fn": [0, 1, 0],
    "game1": [2, 4, 6],
    "game2": [2, 4, 6],
    "game3": [2, 4, 6],
}


def units(**changed):
    return {key: np.array(values, float) for key, values in (UNITS | changed).items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mae", 2),
        ("mse", 20 / 3),
        ("rmse", (20 / 3) ** 0.5),
        ("nae", (0.2 + 0.2 + 0) / 3),
        ("bias", -2 / 3),
        ("r2", 1 - 20 / 200),
        ("game2", 4),
        ("precision", 6 / 7),
        ("recall", 6 / 7),
        ("f1", 12 / 14),
    ],
)
def test_value(name, value):
    assert metrics(units())[name]["value"] == pytest.approx(value)


def test_the_interval_holds_the_value_and_does_not_change():
    first, second = metrics(units()), metrics(units())
    assert first == second
    assert first["mae"]["low"] < first["mae"]["value"] < first["mae"]["high"]


def test_the_interval_is_as_wide_as_theory_says():
    error = np.random.default_rng(1).normal(0, 5, 400)
    zero = [0] * 400
    spread = units(
        true=[100] * 400, predicted=100 + error, tp=zero, fp=zero, fn=zero, game1=zero, game2=zero, game3=zero
    )
    found = metrics(spread)["bias"]
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * error.std() / 20, rel=0.1)


def test_patches_of_an_image_are_drawn_together():
    # Four equal patches say no more than one: the interval must not shrink.
    four = units(**{key: np.repeat(values, 4) for key, values in UNITS.items()})
    together = metrics(four, images=np.repeat(["a", "b", "c"], 4))
    assert together == metrics(units())
    apart = metrics(four)["mae"]
    assert apart["high"] - apart["low"] < together["mae"]["high"] - together["mae"]["low"]


def test_one_image_has_no_interval():
    one = metrics({key: values[:1] for key, values in units().items()})
    assert one["mae"] == {"value": 2, "low": None, "high": None}


def test_what_has_no_value_is_none():
    same = metrics(units(true=[5, 5, 5], tp=[0, 0, 0], fp=[0, 0, 0], fn=[0, 0, 0]))
    assert same["r2"]["value"] is None
    assert same["f1"]["value"] is None
    assert metrics(units(true=[0, 0, 0], predicted=[1, 1, 1]))["nae"]["value"] == 1


def test_a_method_without_places_is_not_judged_by_them():
    assert set(metrics(units(), locates=False)) == {"mae", "rmse", "mse", "nae", "bias", "r2"}


def test_game_grows_with_the_distance_of_an_error():
    true, near, far = np.array([[1.0, 1.0]]), np.array([[6.0, 6.0]]), np.array([[30.0, 30.0]])
    assert list(game(true, true, (32, 32)).values()) == [0, 0, 0]
    assert list(game(true, near, (32, 32)).values()) == [0, 0, 2]
    assert list(game(true, far, (32, 32)).values()) == [2, 2, 2]


def test_game_is_the_sum_over_parts():
    rng = np.random.default_rng(0)
    shape, (true, predicted) = (16, 40, 24), rng.random((2, 50, 3)) * (16, 40, 24) - 0.5
    for level in (1, 2, 3):
        edges = [np.linspace(-0.5, size - 0.5, 2**level + 1) for size in shape]
        parts = [np.histogramdd(dots, edges)[0] for dots in (true, predicted)]
        assert game(true, predicted, shape)[f"game{level}"] == np.abs(parts[0] - parts[1]).sum()
