"""The guard around a job's work: every way to end, what the log says then, and whether another attempt is asked for."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import dotbench
from dotbench.contract.predictions import write_predict_failure, write_train_failure
from dotbench.contract.status import Failure, Stopped
from dotbench.contract.trial import Trial
from dotbench.errors import NotNow, UserError
from dotbench.files import read_json
from dotbench.guard import guard
from dotbench.limits import Limits

TRIAL = Trial("vgg", "xie2015", 32, 0, "fcrn_a")
FIRST_OF_TWO = {"attempt": 1, "retries": 1}
LAST_OF_TWO = {"attempt": 2, "retries": 1}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "train.log"


@pytest.fixture
def failures() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def run(log: Path, failures: list):
    def run(work, limits: Limits | None = None) -> int:
        return guard(work, lambda *failure: failures.append(failure), limits, log)

    return run


def fill(megabytes: int) -> None:
    kept = bytearray(megabytes * 1024 * 1024)
    # Only touched pages are in memory.
    kept[:: os.sysconf("SC_PAGE_SIZE")] = bytes(len(kept[:: os.sysconf("SC_PAGE_SIZE")]))
    time.sleep(10)


def in_a_script(tmp_path: Path, work: str) -> subprocess.Popen:
    """The guard in a process of its own, as in a job, for tests that kill it; `ready` appears once the work runs."""
    script = tmp_path / "job.py"
    script.write_text(
        "import os, signal, sys, time\nfrom pathlib import Path\n"
        + "from dotbench.contract.status import Stopped\nfrom dotbench.guard import guard\n"
        + "def work():\n"
        + f"    Path({str(tmp_path / 'ready')!r}).write_text(str(os.getpid()))\n"
        + textwrap.indent(textwrap.dedent(work), "    ")
        + "\ndef failed(status, reason):\n    Path('failed').write_text(status)\n"
        + "sys.exit(guard(work, failed, log='job.log'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(dotbench.__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=tmp_path, stderr=subprocess.PIPE, env=environment
    )
    wait_for(lambda: (tmp_path / "ready").exists() and (tmp_path / "ready").read_text())
    return process


def wait_for(ready, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_output_of_python_and_of_other_programs_is_in_the_log_and_on_the_terminal(run, log, capfd):
    def work():
        print("from Python")
        os.write(2, b"from a library\n")
        subprocess.run(["echo", "from a program"], check=True)

    assert run(work) == 0
    terminal = capfd.readouterr().err
    for line in ("from Python\n", "from a library\n", "from a program\n"):
        assert line in log.read_text()
        assert line in terminal


def test_a_line_is_in_the_log_while_the_work_goes_on(tmp_path):
    job = in_a_script(tmp_path, "print('step 1')\ntime.sleep(20)")
    wait_for(lambda: "step 1" in (tmp_path / "job.log").read_text())
    job.terminate()
    job.communicate()


def test_the_work_changes_nothing_in_the_parent(run):
    seen = []
    assert run(lambda: seen.append(1)) == 0
    assert seen == []


@pytest.mark.parametrize(
    ("problem", "status", "reason", "traced"),
    [
        (ValueError("no such axis"), "error", "ValueError: no such axis (tests/unit/test_guard.py:", True),
        (UserError("image is empty", where="a.tif"), "error", "image is empty\n  where:   a.tif", False),
        (Failure("missing_weights", "fetch them first"), "missing_weights", "fetch them first", False),
        (MemoryError("1 TB"), "oom", "MemoryError: 1 TB (tests/unit/test_guard.py:", True),
        (SystemExit("bad flag"), "error", "left with exit status bad flag", True),
    ],
)
def test_an_exception_becomes_a_status_at_once(run, log, failures, problem, status, reason, traced):
    def work():
        raise problem

    assert run(work, Limits(**FIRST_OF_TWO)) == 0
    [(said, why)] = failures
    assert said == status and why.startswith(reason)
    assert ("Traceback" in log.read_text()) == traced, "who is told what to do needs no lines of code"


@pytest.mark.parametrize(
    "problem", [NotNow("device 'cuda' asked for"), OSError(errno.ENOSPC, "No space left on device")], ids=str
)
def test_what_the_machine_is_to_blame_for_is_no_result(run, log, failures, problem):
    def work():
        raise problem

    assert run(work) == 1
    assert failures == [], "written down, it would stand in the tables after it is mended"
    assert str(problem) in log.read_text()


def test_without_room_for_a_log_the_work_is_done(tmp_path, capfd):
    (tmp_path / "logs").write_text("a file where the folder should be")
    assert guard(lambda: print("done"), log=tmp_path / "logs" / "job.log") == 0
    assert "no log in" in (told := capfd.readouterr().err) and "done" in told


def test_a_normal_exit_is_no_failure(run, failures):
    assert run(lambda: sys.exit(0)) == 0
    assert failures == []


def test_without_a_way_to_write_it_down_a_failure_is_exit_1(log):
    assert guard(lambda: 1 / 0, log=log) == 1
    assert "ZeroDivisionError" in log.read_text()


def test_a_failure_that_cannot_be_written_is_exit_1(log):
    def full_disk(status, reason):
        raise UserError("cannot write: no space left on device")

    assert guard(lambda: 1 / 0, full_disk, log=log) == 1
    assert "no space left" in log.read_text()


def test_too_much_memory_asks_for_another_attempt_and_at_last_becomes_oom(run, log, failures):
    assert run(lambda: fill(400), Limits(memory_mb=250, **FIRST_OF_TWO)) == 1
    assert failures == []
    assert re.search(
        r"oom \(attempt 1 of 2\): used \d+ of 250 MB; will be resubmitted with more memory", log.read_text()
    )
    assert run(lambda: fill(400), Limits(memory_mb=250, **LAST_OF_TWO)) == 0
    [(status, reason)] = failures
    assert status == "oom"
    assert "of 250 MB; raise needs.mem_mb" in reason
    assert "oom (attempt 2 of 2): used " in log.read_text()


def test_memory_of_helper_processes_counts(run, failures):
    def work():
        code = "import time; kept = bytearray(b'x') * (400 << 20); time.sleep(10)"
        subprocess.run([sys.executable, "-c", code], check=True)

    assert run(work, Limits(memory_mb=300)) == 0
    assert failures[0][0] == "oom"


def test_memory_that_a_job_reserves_for_others_is_not_for_the_work(run, failures):
    assert run(lambda: fill(200), Limits(memory_mb=500, reserved_mb=350)) == 0
    assert failures[0][0] == "oom"


def test_enough_memory_is_left_alone(run, failures):
    assert run(lambda: time.sleep(0.3), Limits(memory_mb=2000)) == 0
    assert failures == []


def test_a_refused_allocation_is_resubmitted_where_memory_is_limited(run, log, failures):
    def work():
        raise MemoryError

    assert run(work, Limits(memory_mb=2000, **FIRST_OF_TWO)) == 1
    assert failures == []
    assert "with more memory" in log.read_text()


def test_before_the_time_is_over_the_work_is_asked_to_save(run, log, failures, tmp_path):
    def train():
        def save(number, frame):
            (tmp_path / "checkpoint").write_text("step 5")
            raise Stopped("step 5 of 9")

        signal.signal(signal.SIGTERM, save)
        time.sleep(10)

    def limits(**attempt):
        return Limits(ends_at=time.time() + 10.2, runtime=60, **attempt)

    assert run(train, limits(**FIRST_OF_TWO)) == 1
    assert (tmp_path / "checkpoint").read_text() == "step 5"
    assert failures == []
    assert (
        "timeout (attempt 1 of 2): 1 minutes were not enough; step 5 of 9; will be resubmitted\n"
        in log.read_text()
    )
    assert run(train, limits(**LAST_OF_TWO)) == 0
    assert failures[0][0] == "timeout"
    assert "step 5 of 9; raise needs.runtime" in failures[0][1]


def test_work_that_does_not_stop_in_time_is_ended(run, failures):
    def deaf():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(10)

    started = time.monotonic()
    assert run(deaf, Limits(ends_at=time.time() + 5.3, runtime=60)) == 0
    assert time.monotonic() - started < 3
    assert failures[0][0] == "timeout"


def test_work_that_is_done_when_asked_to_stop_is_done(run, failures):
    def nearly_done():
        signal.signal(signal.SIGTERM, lambda *_: None)
        time.sleep(0.5)

    assert run(nearly_done, Limits(ends_at=time.time() + 9.9, runtime=60)) == 0
    assert failures == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_from_outside_lets_the_work_save_and_writes_no_status(tmp_path, number):
    job = in_a_script(
        tmp_path,
        """
        try:
            time.sleep(20)
        finally:
            Path("saved").touch()
        """,
    )
    job.send_signal(number)
    _, said = job.communicate(timeout=10)
    assert job.returncode == 128 + signal.SIGTERM
    assert (tmp_path / "saved").exists()
    assert not (tmp_path / "failed").exists()
    assert b"stopped (attempt 1 of 1): asked to stop" in said


def test_work_killed_by_somebody_gets_another_attempt_and_at_last_a_status(run, failures):
    def killed():
        os.kill(os.getpid(), signal.SIGKILL)

    assert run(killed, Limits(**FIRST_OF_TWO)) == 1
    assert failures == []
    assert run(killed, Limits(**LAST_OF_TWO)) == 0
    assert failures == [("error", "killed from outside (SIGKILL)")]


def test_work_killed_by_the_kernel_for_memory_is_oom(run, failures, monkeypatch):
    kills = iter([4, 5, 5, 6])
    monkeypatch.setattr("dotbench.processes.kernel_memory_kills", lambda: next(kills))

    def killed():
        os.kill(os.getpid(), signal.SIGKILL)

    assert run(killed, Limits(**FIRST_OF_TWO)) == 1
    assert run(killed, Limits(**LAST_OF_TWO)) == 0
    assert failures[0][0] == "oom"


def test_a_crash_in_compiled_code_is_an_error_with_its_place_in_the_log(run, log, failures):
    assert run(os.abort, Limits(**FIRST_OF_TWO)) == 0
    assert failures == [("error", "crashed (SIGABRT); the log shows where")]
    assert "Fatal Python error: Aborted" in log.read_text()


def test_a_killed_guard_takes_its_work_along(tmp_path):
    job = in_a_script(tmp_path, "time.sleep(20)")
    worker = int((tmp_path / "ready").read_text())
    job.kill()
    job.communicate()
    wait_for(lambda: not alive(worker))


def test_in_a_thread_the_work_is_guarded_too(run, failures):
    # Python code that stands in a rule runs in a thread of Snakemake, where no signal can be handled.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run, lambda: fill(400), Limits(memory_mb=250)).result() == 0
        assert failures[0][0] == "oom"
        assert pool.submit(run, lambda: print("fine")).result() == 0


def test_helpers_do_not_outlive_the_work(run, tmp_path):
    def work():
        helper = subprocess.Popen(["sleep", "20"])
        (tmp_path / "helper").write_text(str(helper.pid))

    assert run(work) == 0
    wait_for(lambda: not alive(int((tmp_path / "helper").read_text())))


def test_a_failed_training_leaves_valid_files(tmp_path):
    from safetensors import safe_open

    write_train_failure(tmp_path, TRIAL, "oom", "used 5 of 4 MB", log="train.log", seed=3)
    record = {"trial": str(TRIAL), "status": "oom", "reason": "used 5 of 4 MB", "log": "train.log", "seed": 3}
    assert read_json(tmp_path / "train.json") == record
    with safe_open(tmp_path / "model.safetensors", "np") as model:
        assert list(model.keys()) == []
    assert (tmp_path / "history.csv").read_text() == "step,lr,loss,validation_mae,seconds\n"


def test_a_failed_prediction_leaves_valid_files(tmp_path):
    write_predict_failure(tmp_path, TRIAL, "error", "no weights")
    record = {"trial": str(TRIAL), "status": "error", "reason": "no weights", "log": None}
    assert read_json(tmp_path / "run.json") == record
    assert (tmp_path / "counts.csv").read_text() == "image,count\n"
    assert (tmp_path / "dots.csv").read_text() == "image,z,y,x,score\n"


def test_only_known_statuses():
    with pytest.raises(ValueError, match="tired"):
        Failure("tired", "")


@pytest.mark.parametrize(
    "answer",
    [
        # SLURM 22.05 and 24.11 name the allocation differently.
        "JobId=7 StartTime=2026-11-21T05:00:00 EndTime=2026-11-21T05:10:00 TRES=cpu=1,mem=3G,node=1 TresPerJob=gres:gpu:1",
        "JobId=7 StartTime=2026-11-21T05:00:00 EndTime=2026-11-21T05:10:00 ReqTRES=cpu=1,mem=1M AllocTRES=cpu=1,mem=3072M",
    ],
)
def test_limits_are_what_the_scheduler_says(tmp_path, monkeypatch, answer):
    pretend(tmp_path, monkeypatch, f"echo '{answer}'")
    monkeypatch.setenv("DOTBENCH_RETRIES", "3")
    limits = Limits.of_job({"attempt": 2, "mem_mb": 1, "runtime": 1})
    assert (limits.memory_mb, limits.runtime, limits.attempt, limits.retries) == (3072, 600, 2, 3)
    assert limits.notice == 60
    assert time.strftime("%H:%M:%S", time.localtime(limits.ends_at)) == "05:10:00"
    assert 0 < limits.reserved_mb < limits.memory_mb


def test_limits_are_what_the_rule_asked_for_where_the_scheduler_is_silent(tmp_path, monkeypatch):
    pretend(tmp_path, monkeypatch, "exit 1")
    limits = Limits.of_job({"mem_mb": 700, "runtime": 2})
    assert limits.memory_mb == 700
    assert limits.ends_at == pytest.approx(time.time() + 120, abs=5)
    assert limits.notice == 12


def test_outside_of_slurm_nothing_is_limited(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    limits = Limits.of_job({"mem_mb": 700, "runtime": 2})
    assert (limits.memory_mb, limits.ends_at, limits.work_mb) == (None, None, None)


def pretend(tmp_path: Path, monkeypatch, answer: str) -> None:
    """A scontrol that answers so."""
    program = tmp_path / "scontrol"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
