"""Prediction of a trial: files, thresholds, regions, and what happens when there is nothing to predict with."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from pydantic import BaseModel
from trainings import train

from dotbench.cards import load_dataset
from dotbench.cards.method import METHOD
from dotbench.contract.prediction import Prediction
from dotbench.contract.predictions import write_predict_failure, write_train_failure
from dotbench.contract.status import Failure
from dotbench.contract.trial import Trial
from dotbench.data.dataset import Dataset
from dotbench.data.splits import Split
from dotbench.errors import UserError
from dotbench.files import read_csv, read_json
from dotbench.inference.device import choose
from dotbench.predict.line import fitted_line
from dotbench.predict.network import open_model, open_predictor
from dotbench.predict.task import Task
from dotbench.predict.trial import predict_trial
from dotbench.targets.write import write_targets
from dotbench.training.task import Task as Training

NETWORK = {
    "id": "net",
    "name": "net",
    "citation": "none",
    "kind": "network",
    "network": "fcrn_a",
    "options": {"widths": [8, 8, 8], "bottleneck": 16},
    "kernel": {"name": "gaussian", "sigma": 2.0, "scale": 100.0},
    "training": {
        "stages": [{"steps": 4, "batch": 2, "crop": [32, 32], "lr": 0.003}],
        "optimizer": {"name": "adamw"},
        "validate_every": 2,
    },
}
RULE = {"id": "rule", "name": "rule", "citation": "none", "kind": "classical", "classical": "made_up"}


def match(true, found, radius):
    """Not one-to-one, but enough to choose a threshold."""
    near = np.linalg.norm(true[:, None] - found[None], axis=-1) <= radius
    return SimpleNamespace(pairs=np.argwhere(near))


def card(base=NETWORK, **changes):
    return METHOD.validate_python({**base, **changes})


def task(folder: Path, method=None, **changes) -> Task:
    dataset = Dataset.open(folder)
    ids = dataset.ids
    split = Split(folder.name, "random", 2, 0, 0, tuple(ids[:2]), tuple(ids[2:3]), tuple(ids[3:]), ())
    info = load_dataset("vgg").model_copy(update={"id": folder.name, "ndim": dataset.ndim, "spacing": None})
    trial = Trial(folder.name, "random", 2, 0, "net")
    made = Task(trial, method or card(), info, split, dataset, folder.parent / "out", match, device="cpu")
    return replace(made, **changes)


def trained(job: Task) -> Task:
    targets = job.folder / "targets"
    if job.card.kind == "network":
        write_targets(job.dataset, job.card.kernel, targets)
    place = {"targets": targets, "out": job.folder, "checkpoints": job.folder / "checkpoint"}
    train(Training(job.trial, job.card, job.dataset_card, job.split, job.dataset, **place, device="cpu"))
    return job


def test_a_network_writes_counts_dots_maps_and_its_record(tiny_dataset):
    job = trained(task(tiny_dataset))
    predict_trial(job)
    counts = read_csv(job.folder / "counts.csv")
    assert [row["image"] for row in counts] == list(job.split.test)
    record = read_json(job.folder / "run.json")
    assert record["status"] == "ok"
    assert 0 < record["threshold"] < 1
    assert record["card"]["network"] == "fcrn_a"
    assert record["parameters"] > 0
    maps = np.load(job.folder / "maps.npz")
    assert maps[job.split.test[0]].shape == (48, 40)
    sums = [float(maps[id].astype(float).sum()) / 100 for id in job.split.test]
    np.testing.assert_allclose([float(row["count"]) for row in counts], sums, rtol=0.01, atol=0.01)
    first = (job.folder / "counts.csv").read_bytes(), (job.folder / "dots.csv").read_bytes()
    predict_trial(job)
    assert first == ((job.folder / "counts.csv").read_bytes(), (job.folder / "dots.csv").read_bytes())


def test_maps_of_large_volumes_are_not_kept_and_change_nothing(tiny_dataset, monkeypatch):
    job = trained(task(tiny_dataset))
    predict_trial(job)
    before = [(job.folder / name).read_bytes() for name in ("counts.csv", "dots.csv")]
    monkeypatch.setattr("dotbench.predict.network.LARGE", 0)
    predict_trial(job)
    assert before == [(job.folder / name).read_bytes() for name in ("counts.csv", "dots.csv")]
    assert not (job.folder / "maps.npz").exists()


def test_predictions_have_the_precision_of_the_training(tiny_dataset):
    job = trained(task(tiny_dataset))
    model = open_model(job.folder, choose("cpu", deterministic=True), job.card)
    assert model.compute.precision == read_json(job.folder / "train.json")["precision"]


def test_a_line_is_fitted_where_there_is_one():
    counts = np.arange(10.0)
    assert fitted_line(counts, 2 * counts + 3) == pytest.approx((2, 3))
    assert fitted_line(counts[:4], 2 * counts[:4]) == (1, 0), "too few images"
    assert fitted_line(np.full(10, 4.0), counts) == (1, 0), "a network that always says the same"


def test_counts_calibrated_on_validation_images(tiny_dataset, monkeypatch):
    monkeypatch.setattr("dotbench.predict.line.FEWEST", 2)
    ids = Dataset.open(tiny_dataset).ids
    split = Split("tiny", "random", 2, 0, 0, tuple(ids[:2]), tuple(ids[2:4]), tuple(ids[4:]), ())
    plain = trained(replace(task(tiny_dataset), split=split))
    predict_trial(plain)
    before = [float(row["count"]) for row in read_csv(plain.folder / "counts.csv")]
    assert read_json(plain.folder / "run.json")["line"] == [1, 0]
    predict_trial(replace(plain, card=card(calibrate="validation", detect={"threshold": 0.5})))
    slope, offset = read_json(plain.folder / "run.json")["line"]
    after = [float(row["count"]) for row in read_csv(plain.folder / "counts.csv")]
    np.testing.assert_allclose(after, np.maximum(slope * np.array(before) + offset, 0), rtol=1e-6)
    # Two validation images lie on the line.
    model = open_predictor(replace(plain, card=card(calibrate="validation")))
    found = [model.predict(plain.dataset.sample(id)).count for id in split.validation]
    np.testing.assert_allclose(found, [len(plain.dataset.dots(id)) for id in split.validation], atol=1e-3)


def test_without_validation_images_the_training_images_calibrate(tiny_dataset, monkeypatch):
    monkeypatch.setattr("dotbench.predict.line.FEWEST", 2)
    ids = Dataset.open(tiny_dataset).ids
    split = Split("tiny", "random", 2, 0, 0, tuple(ids[:2]), (), tuple(ids[2:]), ())
    job = trained(replace(task(tiny_dataset), split=split))
    model = open_predictor(replace(job, card=card(calibrate="validation")))
    found = [model.predict(job.dataset.sample(id)).count for id in split.train]
    np.testing.assert_allclose(found, [len(job.dataset.dots(id)) for id in split.train], atol=1e-3)


def test_without_any_labels_what_the_start_found_out_serves(tiny_dataset, tmp_path):
    first = trained(task(tiny_dataset, card(calibrate="validation")))
    predict_trial(first)
    begun = read_json(first.folder / "run.json")
    none = replace(first.split, n=0, train=(), validation=())
    second = replace(first, split=none, start=first.folder)
    model = open_predictor(second)
    assert (model.detect.threshold, list(model.line)) == (begun["threshold"], begun["line"])
    write_predict_failure(first.folder, first.trial, "oom", "used it all")
    with pytest.raises(Failure, match="what it starts from, .* failed: used it all"):
        open_predictor(second)


def test_only_gaussian_maps_can_be_peeled():
    with pytest.raises(ValueError, match="peeling needs the kernel gaussian"):
        card(kernel={"name": "inverse_distance"}, count="detections", detect={"how": "peeling"})


def test_counting_detections(tiny_dataset):
    job = trained(task(tiny_dataset, card(count="detections", detect={"threshold": 0.1})))
    predict_trial(job)
    dots = read_csv(job.folder / "dots.csv")
    for row in read_csv(job.folder / "counts.csv"):
        assert float(row["count"]) == sum(dot["image"] == row["image"] for dot in dots)


def test_patches_are_predicted_one_by_one(tiny_dataset):
    job = trained(task(tiny_dataset))
    job = replace(job, split=replace(job.split, patch=(24, 24)))
    predict_trial(job)
    names = [row["image"] for row in read_csv(job.folder / "counts.csv")]
    assert len(names) == 4 * len(job.split.test)
    assert names[1] == f"{job.split.test[0]}#0,24"


def test_only_the_annotated_region_counts(tiny_dataset):
    job = trained(task(tiny_dataset, card(detect={"threshold": 0.05})))
    id = job.split.test[0]
    region = np.zeros((48, 40), np.uint8)
    region[:24] = 1
    (tiny_dataset / "roi").mkdir()
    tifffile.imwrite(tiny_dataset / "roi" / f"{id}.tif", region)
    model = open_model(job.folder, choose("cpu"), job.card)
    whole = model.map(replace(job.dataset.sample(id), roi=None))
    predict_trial(job)
    count = float(read_csv(job.folder / "counts.csv")[0]["count"])
    np.testing.assert_allclose(count, whole[:24].sum(dtype=float) / 100, rtol=1e-6)
    assert all(float(dot["y"]) < 24 for dot in read_csv(job.folder / "dots.csv") if dot["image"] == id)


# --- nothing to predict with -----------------------------------------------------------------------------------------


def outcome(job: Task) -> tuple[str, str]:
    predict_trial(job)
    assert read_csv(job.folder / "counts.csv") == []
    record = read_json(job.folder / "run.json")
    return record["status"], record["reason"]


def test_the_reason_of_a_failed_training_is_passed_on(tiny_dataset):
    job = task(tiny_dataset)
    write_train_failure(job.folder, job.trial, "oom", "needs 90 GB")
    assert outcome(job) == ("oom", "needs 90 GB")


def test_never_trained_and_not_applicable(tiny_dataset, tiny_volumes):
    assert outcome(task(tiny_dataset))[0] == "missing_weights"
    status, reason = outcome(task(tiny_volumes))
    assert status == "not_applicable"
    assert "made for 2D, tiny3d is 3D" in reason


def test_weights_of_another_architecture(tiny_dataset):
    job = trained(task(tiny_dataset))
    with pytest.raises(UserError, match="weights are not those of fcrn_a with these options"):
        predict_trial(replace(job, card=card(options={"widths": [8, 8, 8], "bottleneck": 32})))


def test_files_that_could_run_code_are_refused(tiny_dataset):
    job = trained(task(tiny_dataset))
    torch.save({"a": torch.zeros(1)}, job.folder / "model.safetensors")
    with pytest.raises(UserError, match="pickles"):
        predict_trial(job)


# --- classical methods -----------------------------------------------------------------------------------------------


@pytest.fixture
def made_up(monkeypatch):
    class Options(BaseModel):
        factor: float = 2.0

    def fit(train, validation, options, info):
        return {"mean": np.array([options.factor * np.mean([len(sample.dots) for sample in train])])}

    def predict(model, sample, options, info, rng):
        seen = 0 if sample.dots is None else len(sample.dots)
        dots = np.array([[1.0, 1.0], [40.0, 30.0]])
        return Prediction(float(model["mean"][0]) if model else float(seen), dots, rng.random(2))

    module = SimpleNamespace(Options=Options, fit=fit, predict=predict)
    monkeypatch.setitem(sys.modules, "dotbench.classical.made_up", module)
    return module


def test_a_classical_method_is_fitted_and_predicts(tiny_dataset, made_up):
    job = trained(task(tiny_dataset, card(RULE, trains=True, options={"factor": 1.0})))
    predict_trial(job)
    expected = np.mean([len(job.dataset.dots(id)) for id in job.split.train])
    assert {float(row["count"]) for row in read_csv(job.folder / "counts.csv")} == {expected}
    record = read_json(job.folder / "run.json")
    assert record["parameters"] == 1
    assert len({row["score"] for row in read_csv(job.folder / "dots.csv")}) == 2 * len(job.split.test)


def test_a_transposed_array_comes_back_as_it_was(tiny_dataset, made_up):
    wide = np.arange(12.0).reshape(3, 4)[:, ::-1].T
    made_up.fit = lambda *_: {"mean": np.array([1.0]), "wide": wide}
    seen = []
    made_up.predict = lambda model, *_: seen.append(model["wide"]) or Prediction(1.0, np.empty((0, 2)))
    predict_trial(trained(task(tiny_dataset, card(RULE, trains=True))))
    assert np.array_equal(seen[0], wide)


def test_only_controls_see_the_truth(tiny_dataset, made_up):
    job = task(tiny_dataset, card(RULE))
    predict_trial(job)
    assert {float(row["count"]) for row in read_csv(job.folder / "counts.csv")} == {0.0}
    predict_trial(replace(job, card=card(RULE, role="control")))
    truth = [len(job.dataset.dots(id)) for id in job.split.test]
    assert [float(row["count"]) for row in read_csv(job.folder / "counts.csv")] == truth


def test_a_count_that_is_no_number_is_an_error(tiny_dataset, made_up):
    made_up.predict = lambda *_: Prediction(float("nan"))
    with pytest.raises(Failure, match="not a number"):
        predict_trial(task(tiny_dataset, card(RULE)))
