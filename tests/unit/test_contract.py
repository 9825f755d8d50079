"""The contract's room: records that are read without failing, and nobody else who names their files, columns or keys."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from dotbench.contract import records, tables
from dotbench.contract.model import MODEL_FILE
from dotbench.contract.prediction import Prediction
from dotbench.contract.predictions import MAPS_FILE, write_predict_failure, write_predictions
from dotbench.contract.records import Metrics, RunRecord, TrainRecord
from dotbench.contract.status import STATUSES, Failure
from dotbench.contract.trial import Trial

ROOT = Path(__file__).resolve().parents[2]
TRIAL = Trial("vgg", "xie2015", 8, 0, "net")
RECORDS = [TrainRecord, RunRecord, Metrics]
FILES = {
    *(record.FILE for record in RECORDS),
    *(tables.COUNTS_FILE, tables.DOTS_FILE, tables.PER_IMAGE_FILE, tables.HISTORY_FILE),
    *(MODEL_FILE, MAPS_FILE),
}
# Keys and columns that mean one thing in these files only, so that finding them elsewhere is a second reader.
KEYS = {"kept_step", "validation_mae", "train_seconds", "predict_seconds", "f1_curve", "per_image_of_patches"}


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "null", '"ok"', '{"status": "fine"}', '{"status": ["ok"]}', "\x00", "[" * 100_000],
)
def test_a_broken_record_is_an_outcome_like_any_other(record, text, tmp_path):
    record.path(tmp_path).write_text(text)
    found = record.read(tmp_path)
    assert found.status == "error"
    assert str(record.path(tmp_path)) in found.reason and "run again" in found.reason


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_that_is_not_text_or_a_folder_is_an_outcome_too(record, tmp_path):
    record.path(tmp_path).write_bytes(b"\xff\xfe\x00")
    assert record.read(tmp_path).status == "error"
    assert record.read(tmp_path / "nowhere").status == "not_run"
    (tmp_path / "folder" / record.FILE).mkdir(parents=True)
    assert record.read(tmp_path / "folder").status == "error"


@pytest.mark.parametrize("status", STATUSES)
def test_a_failure_is_read_as_it_was_written(status, tmp_path):
    write_predict_failure(tmp_path, TRIAL, status, "why", "a.log", seed=3)
    found = RunRecord.read(tmp_path)
    assert (found.trial, found.status, found.reason, found.log, found.seed) == (
        str(TRIAL),
        status,
        "why",
        "a.log",
        3,
    )
    assert tables.read_counts(tmp_path) == {}


def test_predictions_are_read_as_they_were_written(tmp_path):
    import numpy as np

    found = {
        "a": Prediction(2.5, np.array([[1.0, 2.5], [3.25, 4.0]]), np.array([0.5, 1.0])),
        "b": Prediction(0.0, np.empty((0, 2))),
    }
    write_predictions(tmp_path, TRIAL, found, {"seconds": {"train": 1.0, "predict": 2.0}})
    assert tables.read_counts(tmp_path, ["a", "b"]) == {"a": 2.5, "b": 0.0}
    dots = tables.read_dots(tmp_path, ["a", "b"], 2)
    assert dots["a"].tolist() == [[1.0, 2.5], [3.25, 4.0]] and dots["b"].shape == (0, 2)
    assert tables.dots_of(tmp_path, "a", 2).tolist() == dots["a"].tolist()
    assert RunRecord.read(tmp_path).seconds.predict == 2.0
    with pytest.raises(Failure, match="not in the test set"):
        tables.read_counts(tmp_path, ["a"])


def test_results_from_before_trials_had_this_name_load(tmp_path):
    old = {"cell": str(TRIAL), "status": "ok", "reason": "", "mae": {"value": 3.0, "low": 2.0, "high": 4.0}}
    Metrics.path(tmp_path).write_text(json.dumps(old))
    found = Metrics.read(tmp_path)
    assert found.trial == str(TRIAL) and found.metric("mae").value == 3.0
    assert found.metric("f1").value is None


def test_keys_that_a_record_does_not_know_survive(tmp_path):
    RunRecord(trial="t", status="ok", surprise={"a": 1}).write(tmp_path)
    assert RunRecord.read(tmp_path).surprise == {"a": 1}


def test_nobody_else_names_a_file_a_column_or_a_key():
    """Docstrings and messages may speak of them; code may not."""
    home = ROOT / "src" / "dotbench" / "contract"
    found = []
    for path in sorted((ROOT / "src" / "dotbench").rglob("*.py")):
        if home in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in FILES | KEYS:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.value!r}")
    # Words of cards and data, and those who make a record rather than read one.
    allowed = re.compile(r"data/|cards/|report/facts_table|score/trial.py|training/start.py|steps.py")
    assert not [one for one in found if not allowed.search(one)], "use dotbench.contract instead"


def test_every_record_says_where_it_lies():
    assert {record.FILE for record in RECORDS} == {"train.json", "run.json", "metrics.json"}
    assert issubclass(records.TrainRecord, records.Record)
