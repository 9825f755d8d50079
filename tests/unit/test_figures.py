"""Figures: drawn from whatever trials left, said in words where there is nothing, equal for equal results."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_results import make_failure, make_result
from PIL import Image

from dotbench.cards import load_dataset, load_paper
from dotbench.cards.kernels import (
    AdaptiveGaussian,
    CentralSlice,
    Foreground,
    ForegroundBoundary,
    Gaussian,
    InverseDistance,
)
from dotbench.contract.layout import Layout
from dotbench.contract.prediction import Prediction
from dotbench.contract.predictions import write_predictions
from dotbench.contract.tables import ImageScore, write_per_image
from dotbench.contract.trial import Trial
from dotbench.data.dataset import Dataset
from dotbench.data.splits import Split
from dotbench.files import read_csv
from dotbench.report.figures.cost import figure_cost
from dotbench.report.figures.counts import figure_counts
from dotbench.report.figures.error_n import figure_error_n
from dotbench.report.figures.example import read_example
from dotbench.report.figures.examples import figure_examples
from dotbench.report.figures.f1_radius import figure_f1_radius
from dotbench.report.figures.history import figure_history
from dotbench.report.figures.kernels import figure_kernels
from dotbench.report.figures.style import looks, nothing, save, styled
from dotbench.targets import render

CAPTIONS = Path(__file__).resolve().parents[2] / "workflow" / "report"
OF_TRIALS = [figure_counts, figure_f1_radius, figure_error_n, figure_history, figure_cost, figure_examples]
METHODS = ("fcrn_a", "mean", "perfect", "random_points")


@pytest.fixture
def layout(tmp_path) -> Layout:
    return Layout(tmp_path / "results", tmp_path / "resources")


@pytest.fixture
def trials(layout) -> list[Trial]:
    """Two draws of a network and the controls at two N, and a method of which nothing works."""
    found = [
        Trial("tiny", "random", n, draw, method) for n in (2, 4) for draw in (0, 1) for method in METHODS
    ]
    for trial in found:
        mae = {"mean": 50.0, "perfect": 1.0, "random_points": 0.0}.get(trial.method, 4.0)
        make_result(layout, trial, mae, 0.8, match={"rule": "radius", "radius": 5})
    broken = Trial("tiny", "random", 2, 0, "broken")
    make_failure(layout, broken, "error", "the loss became NaN")
    return [*found, broken]


def texts(figure) -> str:
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in figure.findobj(Text))


def drawn(figure) -> None:
    """Neither empty nor of one colour, nor an error while it is drawn."""
    picture = io.BytesIO()
    with styled():
        figure.savefig(picture, dpi=30)
    assert np.asarray(Image.open(picture).convert("L")).std() > 1


@pytest.mark.parametrize("draw", OF_TRIALS)
def test_a_figure_without_trials_says_so(draw, layout):
    figure = draw([], layout)
    assert re.search("no trial|no method", texts(figure))
    drawn(figure)


@pytest.mark.parametrize("draw", OF_TRIALS)
@pytest.mark.parametrize("status", ["not_run", "error"])
def test_a_figure_of_failures_alone_is_drawn(draw, status, layout):
    trial = Trial("tiny", "random", 2, 0, "fcrn_a")
    if status != "not_run":
        make_failure(layout, trial, status, "why it failed")
    drawn(draw([trial], layout))


@pytest.mark.parametrize("draw", [figure_counts, figure_f1_radius, figure_cost, figure_error_n])
def test_a_figure_names_the_methods_it_lacks(draw, trials, layout):
    figure = draw(
        [trial for trial in trials if trial.n == 2], layout, {"broken": "Broken one", "fcrn_a": "FCRN-A"}
    )
    assert "without: Broken one (error)" in texts(figure)
    assert "FCRN-A" in texts(figure)
    drawn(figure)


@pytest.mark.parametrize(
    "draw", [figure_counts, figure_f1_radius, figure_cost, figure_error_n, figure_history]
)
def test_axes_have_labels_and_the_title_says_which_data(draw, trials, layout):
    figure = draw([trial for trial in trials if trial.n == 2], layout)
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert any(axis.get_xlabel() for axis in shown)
    assert any(axis.get_ylabel() for axis in shown)
    assert "tiny, protocol random, N=2" in texts(figure)


@pytest.mark.parametrize(
    ("draw", "gone"),
    [
        (figure_counts, "per_image.csv"),
        (figure_counts, "metrics.json"),
        (figure_f1_radius, "metrics.json"),
        (figure_error_n, "metrics.json"),
        (figure_cost, "metrics.json"),
        (figure_history, "history.csv"),
    ],
)
def test_a_missing_or_broken_file_harms_no_other_trial(draw, gone, trials, layout):
    trials = [trial for trial in trials if trial.method == "fcrn_a"]
    (layout.trial(trials[0]) / gone).unlink()
    (layout.trial(trials[1]) / gone).write_text("{ not, what\nit, should be")
    drawn(draw(trials, layout))


def test_equal_results_give_equal_files(trials, layout, tmp_path):
    first = [path.read_bytes() for path in save(figure_counts(trials, layout), tmp_path / "a")]
    again = [path.read_bytes() for path in save(figure_counts(trials[::-1], layout), tmp_path / "b")]
    assert first == again


def test_charts_are_saved_as_pixels_and_vectors_images_as_pixels_only(tmp_path):
    assert [path.suffix for path in save(nothing("A", "b"), tmp_path / "a")] == [".png", ".svg"]
    assert [path.suffix for path in save(figure_kernels(), tmp_path / "b")] == [".png"]


def test_looks_are_distinct_for_thirty_methods():
    styles = looks(f"m{i}" for i in range(30))
    assert len({(s["color"], s["marker"], str(s["linestyle"])) for s in styles.values()}) == 30


def test_f1_figure_shows_the_radius_of_the_scores_else_of_the_card(trials, layout):
    assert "r = 5 px" in texts(figure_f1_radius(trials, layout))
    trial = Trial("mbm", "random", 2, 0, "fcrn_a")
    make_result(layout, trial)
    assert f"r = {load_dataset('mbm').match.radius:g} px" in texts(figure_f1_radius([trial], layout))


def test_an_f1_that_has_no_value_leaves_a_gap(layout):
    trial = Trial("tiny", "random", 2, 0, "fcrn_a")
    make_result(layout, trial, f1_curve={"radii": [1, 2, 3], "f1": [None, 0.5, 0.6]})
    line = figure_f1_radius([trial], layout).axes[0].lines[0]
    assert np.isnan(line.get_ydata()).tolist() == [True, False, False]


def test_error_figure_shows_what_the_paper_prints(layout):
    trial = Trial("vgg", "xie2015", 32, 0, "fcrn_a@published")
    make_result(layout, trial)
    figure = figure_error_n([trial], layout, paper=load_paper("xie2015"))
    assert "hollow: as printed in Xie 2015" in texts(figure)
    assert "Img-level ridge-reg (printed only)" in texts(figure)


def test_wild_predictions_do_not_flatten_the_counts(layout):
    trial = Trial("tiny", "random", 2, 0, "fcrn_a")
    folder = make_result(layout, trial)
    rows = [ImageScore(f"i{k}", k, 1e9 if k == 3 else k, 0, 0, 0, 0) for k in range(1, 20)]
    write_per_image(folder, rows)
    axis = figure_counts([trial], layout).axes[0]
    assert axis.get_xlim()[1] < 60


def test_failed_trainings_are_in_the_training_curves(layout):
    trial = Trial("tiny", "random", 2, 0, "fcrn_a")
    folder = make_result(layout, trial)
    text = (folder / "history.csv").read_text().splitlines()
    make_failure(layout, trial, "error", "the loss became NaN")
    (folder / "history.csv").write_text("\n".join([*text[:5], "250,nan,"]) + "\n")
    lines = figure_history([trial], layout).axes[0].lines
    assert [len(line.get_xdata()) for line in lines] == [4]


# Kernels.


def test_kernels_of_every_kind_can_be_drawn():
    kernels = [
        Gaussian(sigma=2.0, scale=100.0, border="lose"),
        AdaptiveGaussian(),
        InverseDistance(units="physical"),
        Foreground(source="discs", radius=6.0),
        CentralSlice(),
        ForegroundBoundary(),
    ]
    figure = figure_kernels(kernels)
    told = texts(figure).replace("\n", " ")
    for name in (
        "Gaussian, σ=2 px, cut at the border",
        "adaptive",
        "inverse distance",
        "foreground and boundary",
    ):
        assert name in told
    drawn(figure)


# Examples.


def predict(
    layout: Layout, trial: Trial, dataset: str, missed: int = 1, kernel: Gaussian | None = None, patch=None
) -> None:
    """A split whose test images are all, and predictions that miss some cells and add a false one."""
    data = Dataset.open(layout.dataset(dataset))
    split = Split(dataset, trial.protocol, trial.n, trial.draw, 0, (), (), tuple(data.ids), (), patch)
    split.write(layout.split(trial))
    found = {}
    for sample in data.samples(data.ids, patch=patch):
        dots = np.concatenate([sample.dots[missed:], np.zeros((1, data.ndim))])
        map = render(dots, sample.image.shape[: data.ndim], kernel).map if kernel else None
        found[sample.id] = Prediction(len(dots), dots, np.ones(len(dots)), map)
    make_result(layout, trial, match={"rule": "radius", "radius": 3})
    card = {"kernel": kernel.model_dump()} if kernel else {}
    write_predictions(layout.trial(trial), trial, found, {"card": card})


def test_examples_show_hits_false_and_missed_by_the_rule_of_the_tables(layout, tiny_dataset):
    trial = Trial("tiny", "random", 2, 0, "fcrn_a")
    predict(layout, trial, "tiny", missed=2, kernel=Gaussian(sigma=2.0))
    figure = figure_examples([trial], layout, {"fcrn_a": "FCRN-A"}, image="img003")
    assert "img003: 6 cells" in texts(figure)
    assert "4 hit, 1 false, 2 missed" in texts(figure)
    assert "learns: Gaussian, σ=2 px" in texts(figure)
    drawn(figure)


def test_examples_of_a_method_without_a_map_and_of_one_that_failed(layout, tiny_dataset):
    good, bad, floor = (Trial("tiny", "random", 2, 0, method) for method in ("blobs", "broken", "mean"))
    predict(layout, good, "tiny")
    make_failure(layout, bad, "oom", "it asked for 10 GB")
    figure = figure_examples([good, bad, floor], layout)
    for told in ("counts without a map", "it asked for 10 GB", "for comparison: Gaussian"):
        assert told in texts(figure)
    assert len(figure.axes) == 8, "controls that look at no image have no row"
    drawn(figure)


@pytest.mark.parametrize("gone", ["metrics.json", "counts.csv", "dots.csv", "run.json", "maps.npz"])
def test_examples_survive_a_missing_or_broken_file(layout, tiny_dataset, gone):
    trials = [Trial("tiny", "random", 2, 0, method) for method in ("good", "broken", "missing")]
    for trial in trials:
        predict(layout, trial, "tiny", kernel=Gaussian(sigma=2.0))
    (layout.trial(trials[1]) / gone).write_text("{ not, what\nit, should be")
    (layout.trial(trials[2]) / gone).unlink()
    figure = figure_examples(trials, layout)
    assert "1 false, 1 missed" in texts(figure)
    drawn(figure)


def test_examples_of_a_method_that_gives_no_places(layout, tiny_dataset):
    trial = Trial("tiny", "random", 2, 0, "area")
    predict(layout, trial, "tiny")
    ids = [row["image"] for row in read_csv(layout.trial(trial) / "counts.csv")]
    write_predictions(layout.trial(trial), trial, {id: Prediction(4.5) for id in ids}, {})
    assert "gives a count,\nno places" in texts(figure_examples([trial], layout))


def test_examples_of_volumes_are_projected(layout, tiny_volumes):
    trial = Trial("tiny3d", "random", 2, 0, "fcrn_a")
    predict(layout, trial, "tiny3d", kernel=Gaussian(sigma=2.0))
    figure = figure_examples([trial], layout)
    assert "maximum projection along z" in texts(figure)
    drawn(figure)


def test_examples_of_patches_name_the_patch(layout, tiny_dataset):
    trial = Trial("tiny", "zheng2024", 2, 0, "fcrn_a")
    predict(layout, trial, "tiny", missed=0, kernel=Gaussian(sigma=2.0), patch=(24, 20))
    assert ", patch at " in texts(figure_examples([trial], layout))


def test_examples_of_large_images_are_a_detail_with_its_dots(layout, make_dataset):
    make_dataset(layout.dataset("large"), images=2, shape=(700, 500))
    trial = Trial("large", "random", 2, 0, "fcrn_a")
    predict(layout, trial, "large")
    example = read_example([trial], layout)
    assert "detail of 320 × 320 of 700 × 500 px" in example.detail
    y, x = example.window
    inside = example.all_dots[
        (example.all_dots >= (y.start, x.start)).all(1) & (example.all_dots < (y.stop, x.stop)).all(1)
    ]
    assert len(example.dots) == len(inside)
    assert example.image.shape == (320, 320)


@pytest.mark.parametrize("channels", [0, 1, 3, 4])
def test_examples_of_colour_and_grey(layout, make_dataset, channels):
    make_dataset(layout.dataset("tiny"), images=2, channels=channels)
    trial = Trial("tiny", "random", 2, 0, "fcrn_a")
    predict(layout, trial, "tiny")
    drawn(figure_examples([trial], layout))


def test_examples_of_an_unprepared_dataset_say_so(layout):
    assert "no prepared dataset" in texts(figure_examples([Trial("tiny", "random", 2, 0, "fcrn_a")], layout))


# Captions.


@pytest.mark.parametrize("file", sorted(CAPTIONS.glob("*.rst")), ids=lambda file: file.stem)
def test_captions_are_valid(file):
    core = pytest.importorskip("docutils.core")
    from jinja2 import Environment, StrictUndefined

    wildcards = SimpleNamespace(dataset="vgg", protocol="xie2015", n="32", paper="xie2015", table="table1")
    config = {"papers": ["xie2015"], "datasets": ["vgg"], "methods": ["fcrn_a"]}
    template = Environment(undefined=StrictUndefined).from_string(file.read_text())
    text = template.render(snakemake=SimpleNamespace(wildcards=wildcards, config=config))
    core.publish_string(text, writer="html5", settings_overrides={"halt_level": 2, "report_level": 2})
