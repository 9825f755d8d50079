"""`snakemake --profile slurm` on a real SLURM: the demo, and a run that meets every accident a cluster has in store."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from safetensors.numpy import load_file
from slurm_site import Site

from dotbench.cards import card_ids, load_method
from dotbench.files import read_csv, read_json

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

DEMO = "config/demo.yaml"
METHODS = Path(__file__).with_name("methods")
SPLIT = "sim2d/random/n4/draw0"


@dataclass(frozen=True)
class Runs:
    demo: Site
    accidents: Site
    """with a training too long for its job, methods that want memory, and a node that dies"""
    killed: str
    """log of the training when its node died"""

    @property
    def both(self) -> tuple[Site, Site]:
        return self.demo, self.accidents


@pytest.fixture(scope="module")
def runs(new_site: Callable[[str], Site]) -> Runs:
    """Both at once, because one sleeps while the other works; the node dies under both."""
    demo, accidents = new_site("demo"), new_site("accidents")
    _write_accidents(accidents.folder)
    running = [accidents.start("results/accidents/tables/trials.html", "--configfile", "accidents.yaml")]
    try:
        # First in the queue: from here on it is asleep.
        accidents.wait(lambda: _training_log(accidents), running[0], 300)
        # Not all at once: two cores have enough with six, and the other run must not queue behind them.
        running.append(demo.start("--configfile", DEMO, "--jobs", "6"))
        # The second attempt has just gone on from where the first one was cut off.
        accidents.wait(lambda: "goes on at step" in _training_log(accidents), running[0], 300)
        killed = _training_log(accidents)
        accidents.cluster.kill_node()
        accidents.cluster.start_node()
        end = time.monotonic() + 900
        while any(run.poll() is None for run in running) and time.monotonic() < end:
            accidents.cluster.release()
            time.sleep(1)
        accidents.check_ended_well(running[0])
        demo.check_ended_well(running[1])
    finally:
        for run in running:
            # Only where something went wrong; asked kindly, Snakemake waits for all jobs that run.
            run.kill()
            run.wait()
    return Runs(demo, accidents, killed)


def _write_accidents(folder: Path) -> None:
    for file in METHODS.iterdir():
        places = {"sleepy.py": "src/dotbench/networks", "hungry.py": "src/dotbench/classical"}
        shutil.copy(file, folder / places.get(file.name, "config/methods"))
    config = yaml.safe_load((folder / DEMO).read_text())
    config |= {
        "pathvars": {"results": "results/accidents", "resources": "resources/accidents"},
        "methods": ["sleepy", "hungry", "starving"],
        "datasets": ["sim2d"],
        "runs": [{"dataset": "sim2d", "protocol": "random", "n": [4], "draws": 1, "methods": "all"}],
    }
    config["overrides"].pop("methods")
    (folder / "accidents.yaml").write_text(yaml.safe_dump(config))


def _training_log(site: Site) -> str:
    log = site.folder / f"results/accidents/logs/train/{SPLIT}/sleepy.log"
    try:
        return log.read_text()
    except FileNotFoundError:
        return ""


def _metrics(site: Site, method: str) -> dict:
    # What does not learn is one trial, whatever N.
    split = SPLIT if method == "sleepy" else SPLIT.replace("n4", "n0")
    return read_json(site.folder / f"results/accidents/{split}/{method}/metrics.json")


def test_the_demo_runs_through(runs: Runs):
    trials = read_csv(runs.demo.folder / "results/demo/tables/trials.csv")
    assert len(trials) >= 15
    assert {trial["status"] for trial in trials} <= {"ok", "not_applicable"}
    assert (runs.demo.folder / "results/demo/figures/kernels.png").exists()


def test_jobs_that_need_a_gpu_ask_for_one_and_others_do_not(runs: Runs):
    seen = set()
    for site in runs.both:
        config = site.folder / "config"
        cards = {id: load_method(id, folder=config) for id in card_ids("methods", config)}
        for job in site.jobs():
            # A score, which needs none, is submitted together with its prediction.
            needs = any(
                bool(cards[method].needs.gpu) for rule, method in job.work if rule in {"train", "predict"}
            )
            assert (job.asked.get("TresPerJob") == "gres:gpu:1") == needs, job.work
            seen.update((rule, needs) for rule, _ in job.work)
    assert {
        ("train", True),
        ("predict", True),
        ("predict", False),
        ("prepare", False),
        ("target", False),
    } <= seen


def test_every_job_has_memory_and_time(runs: Runs):
    for site in runs.both:
        for job in site.jobs():
            assert re.search(r"\bmem=", job.asked["TRES"])
            assert job.asked["TimeLimit"] != "UNLIMITED"


def test_what_takes_seconds_is_not_submitted(runs: Runs):
    rules = {rule for site in runs.both for job in site.jobs() for rule, _ in job.work}
    assert not rules & {
        "fetch",
        "split",
        "table",
        "table_trials",
        "figure",
        "figure_error_n",
        "figure_kernels",
    }


def test_a_training_over_its_time_goes_on_in_the_next_job(runs: Runs):
    first, second, *_ = runs.accidents.jobs("train", "sleepy")
    assert first.asked["JobState"] == "FAILED"
    assert first.asked["TimeLimit"] == second.asked["TimeLimit"] == "00:02:00"
    [step] = re.findall(r"^timeout \(attempt 1 of 3\): .*? step (\d+) of 240", first.log, re.MULTILINE)
    assert f"goes on at step {step} of 240" in runs.killed
    assert _metrics(runs.accidents, "sleepy")["status"] == "ok"


def test_a_node_that_dies_under_a_training_loses_nothing(runs: Runs):
    second = runs.accidents.jobs("train", "sleepy")[1]
    assert second.asked["Restarts"] == "1"
    [step] = re.findall(r"goes on at step (\d+)", runs.killed)
    assert f"goes on at step {step}" in _training_log(runs.accidents) or "attempt 3" in _training_log(
        runs.accidents
    )
    # What was finished is not done again.
    for site in runs.both:
        done = [work for job in site.jobs() if job.asked["JobState"] == "COMPLETED" for work in job.work]
        assert done.count(("prepare", "")) == len({"sim2d", "sim3d"} if site is runs.demo else {"sim2d"})


def test_a_training_that_met_accidents_equals_one_that_met_none(runs: Runs):
    folder = runs.accidents.folder
    config = yaml.safe_load((folder / "accidents.yaml").read_text())
    config["pathvars"] = {"results": "calm/results", "resources": "calm/resources"}
    config["overrides"]["methods"] = {"sleepy": {"options": {"seconds": 0}}}
    (folder / "calm.yaml").write_text(yaml.safe_dump(config))
    runs.accidents.call("dotbench", "run", "--configfile", "calm.yaml", f"{SPLIT}/sleepy")
    calm, met = (
        load_file(folder / place / SPLIT / "sleepy/model.safetensors")
        for place in ("calm/results", "results/accidents")
    )
    assert calm.keys() == met.keys()
    assert all((calm[name] == met[name]).all() for name in calm)


def test_a_job_over_its_memory_is_submitted_again_with_more(runs: Runs):
    jobs = runs.accidents.jobs("predict", "hungry")
    assert [job.asked["JobState"] for job in jobs] == ["FAILED", "COMPLETED"]
    assert [re.search(r"mem=(\w+)", job.asked["TRES"])[1] for job in jobs] == ["2000M", "4000M"]
    assert re.search(
        r"^oom \(attempt 1 of 3\): used \d+ of 2000 MB; will be resubmitted", jobs[0].log, re.MULTILINE
    )
    assert _metrics(runs.accidents, "hungry")["status"] == "ok"


def test_a_job_that_never_has_enough_memory_becomes_oom_in_the_table(runs: Runs):
    assert len(runs.accidents.jobs("predict", "starving")) == 3
    metrics = _metrics(runs.accidents, "starving")
    assert metrics["status"] == "oom"
    assert re.match(r"used \d+ of 4000 MB; raise needs.mem_mb", metrics["reason"])
    trials = read_csv(runs.accidents.folder / "results/accidents/tables/trials.csv")
    assert {trial["method"]: trial["status"] for trial in trials} == {
        "sleepy": "ok",
        "hungry": "ok",
        "starving": "oom",
    }
