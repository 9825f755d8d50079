"""Why a trial has no result: from logs as Snakemake 9.27 and SLURM write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dotbench.contract.layout import Layout
from dotbench.contract.trial import Trial
from dotbench.lost import explain

TRIAL = Trial("vgg", "xie2015", 32, 0, "fcrn_a")
OTHER = Trial("vgg", "xie2015", 32, 1, "fcrn_a")


class Site:
    """The folder of a run, with the logs that a test wants in it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.runs = 0
        self.slurm_log = f"{folder}/.snakemake/slurm_logs/rule_train/vgg_xie2015_32_0_fcrn_a/12.log"

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run(self, text: str) -> None:
        self.runs += 1
        self.write(f".snakemake/log/2026-11-2{self.runs}T055718.863396.snakemake.log", text)

    def failed(self, message: str = "None", rule: str = "train", output: str = "train.json") -> None:
        """A run in which one job of the trial failed."""
        self.run(
            f"""\
[Sat Nov 21 05:57:39 2026]
Error in rule {rule}:
    message: {message}
    jobid: 4
    input: resources/splits/vgg/xie2015/n32/draw0.json
    output: results/{TRIAL}/{output}, results/{TRIAL}/history.csv
    log: results/logs/{rule}/{TRIAL}.log, {self.slurm_log} (check log file(s) for error details)
    external_jobid: 12
Exiting because a job execution failed. Look above for error messages
"""
        )

    def log(self, text: str, step: str = "train") -> None:
        self.write(f"results/logs/{step}/{TRIAL}.log", text)


@pytest.fixture
def site(tmp_path, monkeypatch) -> Site:
    monkeypatch.chdir(tmp_path)
    # No accounting, whatever the machine has.
    monkeypatch.setenv("PATH", str(tmp_path))
    return Site(tmp_path)


def slurm(status: str) -> str:
    return f"SLURM-job '12' failed, SLURM status is: '{status}'. Reason: Unknown."


def test_nothing_failed_nothing_to_tell(site):
    assert explain(TRIAL, Layout()) is None
    site.failed(slurm("TIMEOUT"))
    assert explain(OTHER, Layout()) is None


@pytest.mark.parametrize(
    ("state", "status", "words"),
    [
        ("TIMEOUT", "timeout", "time limit"),
        ("OUT_OF_MEMORY", "oom", "memory"),
        ("NODE_FAIL", "error", "node failed"),
        ("CANCELLED", "error", "cancelled"),
    ],
)
def test_slurms_own_word(site, state, status, words):
    site.failed(slurm(state))
    lost = explain(TRIAL, Layout())
    assert (lost.step, lost.status) == ("train", status)
    assert words in lost.reason
    assert "(SLURM job 12)" in lost.reason
    assert lost.log == f"results/logs/train/{TRIAL}.log"
    assert str(lost).startswith(f"train: {status}: ")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (
            "slurmstepd: error: *** JOB 12 ON n1 CANCELLED AT 2026-11-21T05:57:32 DUE TO TIME LIMIT ***",
            "timeout",
        ),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=12.0.", "oom"),
        (
            "slurmstepd: error: *** JOB 12 ON n1 CANCELLED AT 2026-11-21T05:57:32 DUE TO NODE FAILURE ***",
            "error",
        ),
        # Of the environment that a verbose job prints, not of SLURM.
        ("environment: {'PIP_TIMEOUT': 1, 'X': 'oom_kill'}", "error"),
    ],
)
def test_slurms_log_where_its_state_says_little(site, line, status):
    site.failed(slurm("FAILED"))
    site.write(site.slurm_log, f"rule train:\n{line}\nsrun: error: n1: task 0: Exited with exit code 1\n")
    assert explain(TRIAL, Layout()).status == status


def test_the_accounting_where_nothing_else_knows(site, tmp_path, monkeypatch):
    site.failed(slurm("FAILED"))
    program = tmp_path / "sacct"
    program.write_text('#!/bin/sh\ncase "$*" in *"--jobs 12 "*) echo OUT_OF_MEMORY;; esac\n')
    program.chmod(0o755)
    assert explain(TRIAL, Layout()).status == "oom"


def test_what_the_guard_said_last(site):
    site.failed()
    site.log(
        "--- attempt 1, 2026-11-21 05:57:32, n1\noom (attempt 1 of 2): used 9 of 8 MB; will be resubmitted\n"
        "--- attempt 2, 2026-11-21 05:59:32, n1\nTraceback\nerror (attempt 2 of 2): ValueError: no dots\nfull disk\n"
    )
    lost = explain(TRIAL, Layout())
    assert (lost.status, lost.reason) == ("error", "ValueError: no dots (SLURM job 12)")


def test_how_far_a_job_came_before_slurm_ended_it(site):
    site.failed(slurm("TIMEOUT"))
    site.log("stopped (attempt 1 of 1): step 340 of 1000\n")
    lost = explain(TRIAL, Layout())
    assert lost.status == "timeout"
    assert "step 340 of 1000" in lost.reason


def test_a_rule_without_the_guard_is_told_by_the_last_line_of_its_log(site):
    site.failed(rule="predict_stardist", output="run.json")
    site.write(f"results/logs/predict_stardist/{TRIAL}.log", "loading\nImportError: no tensorflow\n\n")
    lost = explain(TRIAL, Layout())
    assert (lost.step, lost.reason) == ("predict_stardist", "ImportError: no tensorflow (SLURM job 12)")


def test_the_latest_run_counts(site):
    site.failed(slurm("TIMEOUT"))
    site.failed(slurm("OUT_OF_MEMORY"))
    assert explain(TRIAL, Layout()).status == "oom"


def test_what_the_trial_waits_for_failed(site):
    site.run(
        """\
Error in rule prepare:
    message: None
    output: resources/datasets/vgg/dataset.json, resources/datasets/vgg/images.csv
    log: results/logs/prepare/vgg.log (check log file(s) for error details)
"""
    )
    site.write("results/logs/prepare/vgg.log", "error (attempt 1 of 1): image 3 is truncated\n")
    lost = explain(TRIAL, Layout())
    assert (lost.step, lost.reason) == ("prepare", "image 3 is truncated")


def test_in_a_group_the_job_that_fell_is_named(site):
    group = f"{site.folder}/.snakemake/slurm_logs/group_trial_predict_score/7.log"
    site.run(
        f"""\
[Sat Nov 21 06:03:29 2026]
    message: Error in group trial
    log: {group} (check log file(s) for error details)
    jobs:
        rule score:
            jobid: 0
            output: results/{TRIAL}/metrics.json
        rule predict:
            jobid: 1
            output: results/{TRIAL}/counts.csv
            log: results/logs/predict/{TRIAL}.log (check log file(s) for error details)
Logfile {group}:
    [Sat Nov 21 06:03:29 2026]
    Error in rule predict:
        message: None
        jobid: 1
        output: results/{TRIAL}/counts.csv
        log: results/logs/predict/{TRIAL}.log (check log file(s) for error details)
    [Sat Nov 21 06:03:29 2026]
    Error in rule score:
        message: None
        jobid: 0
        output: results/{TRIAL}/metrics.json
        log: results/logs/score/{TRIAL}.log (check log file(s) for error details)
"""
    )
    site.log("--- attempt 1\nall images done\n", "predict")
    site.log("error (attempt 1 of 1): KeyError: 'image'\n", "score")
    lost = explain(TRIAL, Layout())
    assert (lost.step, lost.reason) == ("score", "KeyError: 'image' (SLURM job 7)")


def test_a_run_that_is_gone_itself(site):
    site.log("--- attempt 1, 2026-11-21 05:57:32, n1\nstep 10 of 100\n")
    lost = explain(TRIAL, Layout())
    assert lost.step == "train"
    assert "running, or the run was interrupted" in lost.reason
    site.write(
        site.slurm_log, f"output: results/{TRIAL}/train.json\nslurmstepd: error: DUE TO TIME LIMIT ***\n"
    )
    assert explain(TRIAL, Layout()).status == "timeout"
