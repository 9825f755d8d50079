"""The demo as a user runs it, and what Snakemake would do after changes: only what a change concerns."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pandas as pd
import pytest
from checkout import Checkout

from dotbench.contract.predictions import write_predict_failure
from dotbench.contract.trial import Trial
from dotbench.files import read_csv, read_json
from dotbench.paths import ROOT
from dotbench.plan import read_plan

DEMO = ROOT / "config" / "demo.yaml"
PLAN = read_plan(ROOT / "config" / "config.yaml", DEMO)
TRIALS = [str(trial) for trial in PLAN.trials]


def snakemake(folder: Path, *arguments: str, project: Path = ROOT, limit: int = 1200) -> str:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(project / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(project / "config" / "demo.yaml"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=limit, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def planned(output: str) -> dict[str, int]:
    """Rule and number of jobs, from the table that a dry run prints."""
    table = output.partition("Job stats:")[2].partition("\n\n")[0]
    return {
        rule: int(count)
        for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)
        if rule != "total"
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    snakemake(folder, "--cores", "2")
    return folder


@pytest.mark.parametrize("trial", TRIALS)
def test_every_trial_has_a_score(demo, trial):
    metrics = read_json(demo / "results/demo" / trial / "metrics.json")
    assert metrics["status"] == ("ok" if PLAN.applies(Trial.parse(trial)) else "not_applicable"), metrics[
        "reason"
    ]


def test_the_controls_bound_the_scores(demo):
    def metrics(method):
        home = PLAN.layout.home(Trial("sim2d", "random", 8, 0, method))
        return read_json(demo / f"results/demo/{home}/metrics.json")

    floor, ceiling, chance, network = map(metrics, ("mean", "perfect", "random_points", "fcrn_a@ours"))
    assert ceiling["mae"]["value"] < 0.01 and ceiling["f1"]["value"] > 0.9
    assert network["mae"]["value"] < floor["mae"]["value"]
    assert chance["f1"]["value"] < network["f1"]["value"] < ceiling["f1"]["value"]


def test_the_table_has_every_trial(demo):
    rows = read_csv(demo / "results/demo/tables/trials.csv")
    assert {
        str(Trial(r["dataset"], r["protocol"], int(r["n"]), int(r["draw"]), r["method"])) for r in rows
    } == set(TRIALS)
    for suffix in ("md", "tex", "html"):
        assert (demo / f"results/demo/tables/trials.{suffix}").stat().st_size > 1000


def test_the_report_opens_offline(demo):
    snakemake(demo, "--report", "report.html")
    text = (demo / "report.html").read_text()
    assert "f1_radius.png" in text
    assert not re.search(r"""<(script|link|img)[^>]+(src|href)=["']https?://""", text)


def test_a_second_run_has_nothing_to_do(demo):
    assert "Nothing to be done" in snakemake(demo, "--cores", "1", "--dry-run")


def test_a_campaign_of_many_at_once_finds_what_single_jobs_find(demo, tmp_path):
    (tmp_path / "elsewhere.yaml").write_text("pathvars: {results: there, resources: there}")
    # One thread each, as in the demo.
    workers = str(len(os.sched_getaffinity(0)))
    command = [sys.executable, str(ROOT / "benchmarks" / "campaign.py"), "--workers", workers]
    command += ["--configfile", str(DEMO), "--configfile", "elsewhere.yaml", "--pack", "trials.tar.gz"]
    trials = [f"sim2d/random/n{n}/draw0/fcrn_a@ours" for n in (4, 8)]
    done = subprocess.run([*command, *trials], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with tarfile.open(tmp_path / "trials.tar.gz") as pack:
        for trial in trials:
            for name in ("counts.csv", "dots.csv"):
                alone = (demo / "results/demo" / trial / name).read_bytes()
                assert pack.extractfile(f"{trial}/{name}").read() == alone
    # What is finished is not done again.
    begun = time.monotonic()
    subprocess.run([*command, *trials], cwd=tmp_path, capture_output=True, check=True)
    assert time.monotonic() - begun < 30


def test_a_failed_trial_is_tried_again_by_name(demo, tmp_path):
    resources = demo / "resources/demo"
    (tmp_path / "elsewhere.yaml").write_text(f"pathvars: {{results: there, resources: {resources}}}")
    trial = Trial.parse("sim2d/random/n0/draw0/otsu_components")
    folder = tmp_path / "there" / str(trial)
    write_predict_failure(folder, trial, "error", "the disk was full")
    command = [sys.executable, "-m", "dotbench", "run", "--configfile", str(DEMO)]
    command += ["--configfile", "elsewhere.yaml", str(trial)]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert read_json(folder / "metrics.json")["status"] == "ok"


def test_what_is_published_is_what_was_found_without_weights_and_maps(demo, tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "publish.py"), "results/demo", "--to", str(tmp_path)]
    subprocess.run(command, cwd=demo, capture_output=True, check=True)
    trial = "sim2d/random/n8/draw0/fcrn_a@ours"
    files = {file.name for file in (tmp_path / trial).iterdir()}
    assert {"metrics.json", "counts.csv", "dots.csv.gz", "run.json", "train.json"} <= files
    assert not {"model.safetensors", "maps.npz", "dots.csv"} & files
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / trial / "dots.csv.gz"), pd.read_csv(demo / "results/demo" / trial / "dots.csv")
    )
    assert not [file for file in tmp_path.rglob("*.json") if str(demo) in file.read_text()]


def test_removing_methods_and_a_dataset_leaves_every_table(demo):
    runs = 'runs=[{"dataset":"sim2d","protocol":"random","n":[8],"methods":"all"}]'
    fewer = ["--config", "methods=[otsu_components,perfect]", runs]
    rules = planned(snakemake(demo, "--dry-run", *fewer))
    assert "table_trials" in rules
    assert not {"prepare", "train", "predict", "score"} & set(rules)


@pytest.mark.parametrize(
    ("file", "old", "new", "reruns"),
    [
        # The network trains again, and nothing else does.
        (
            "src/dotbench/networks/fcrn_a.py",
            "STRIDE = ",
            "CHANGED = 1\nSTRIDE = ",
            {"train": 3, "predict": 3},
        ),
        # A comment is no reason.
        ("src/dotbench/networks/fcrn_a.py", "STRIDE = ", "# a comment\nSTRIDE = ", {}),
        # How a method is called is no reason to run it again.
        ("config/methods/fcrn_a.yaml", "name: ", "name: renamed ", {}),
        # A hyperparameter of one method.
        ("config/methods/otsu_components.yaml", "smooth: ", "smooth: 1", {"predict": 2}),
    ],
)
def test_a_change_reruns_what_it_concerns(demo, tmp_path, file, old, new, reruns):
    project = Checkout.make(tmp_path / "project").folder
    text = (project / file).read_text()
    assert old in text
    (project / file).write_text(text.replace(old, new, 1))
    # The scripts of a copy are the same scripts, only elsewhere.
    output = snakemake(demo, "--dry-run", "--rerun-triggers", "params", "input", project=project)
    assert {rule: count for rule, count in planned(output).items() if rule in ("train", "predict")} == reruns


def test_a_mistyped_method_is_told_before_anything_runs(tmp_path):
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(tmp_path),
    ]
    command += ["--configfile", str(DEMO), "--dry-run", "--config", "methods=[fcrn_b2]"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "did you mean" in done.stdout + done.stderr


def test_the_whole_benchmark_can_be_planned(tmp_path):
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, "--dry-run", "--quiet", "rules"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert planned(done.stdout + done.stderr)["table"] > 5
