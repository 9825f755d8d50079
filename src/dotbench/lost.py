"""Why a trial has no result at all: read from what Snakemake and SLURM left, for jobs that died without a last word."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dotbench.contract.layout import Layout
from dotbench.contract.trial import Trial

SNAKEMAKE = Path(".snakemake")
STEPS = ("fetch", "prepare", "split", "target", "train", "predict", "score")
# SLURM's words for the end of a job, as states and in its own lines of a log: what it is here, and what to tell.
ENDS = (
    (r"\b(TIMEOUT|DEADLINE)\b|DUE TO TIME LIMIT", "timeout", "ended by SLURM at its time limit"),
    (
        r"OUT_OF_MEMORY|oom.kill|Out Of Memory|OOM Killed|Exceeded job memory",
        "oom",
        "ended by SLURM for its memory",
    ),
    (r"NODE_FAIL|BOOT_FAIL|DUE TO NODE FAILURE", "error", "its node failed"),
    (r"PREEMPTED|DUE TO PREEMPTION", "error", "preempted by a more urgent job"),
    (r"CANCELLED", "error", "cancelled"),
)
SLURM_LINE = re.compile(r"^(?:slurmstepd|slurmd|srun).*$", re.MULTILINE)
# How the guard (guard.py) says what it did.
VERDICT = re.compile(r"^(\w+) \(attempt \d+ of \d+\): (.+)$", re.MULTILINE)
# Enough for the end of a story; logs can be long.
TAIL = 100_000
# Runs further back say nothing about today.
RUNS = 20


@dataclass(frozen=True)
class Lost:
    """Why there is no result: the step that failed, as a status and a sentence, and the log to read on in."""

    step: str
    status: str
    reason: str
    log: str | None = None

    def __str__(self) -> str:
        return f"{self.step}: {self.status}: {self.reason}" + (f"; log: {self.log}" if self.log else "")


@dataclass
class _Error:
    """One failure as Snakemake's log of a run reports it; a group of jobs submitted as one has no rule of its own."""

    rule: str | None
    message: str = ""
    outputs: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    job: str | None = None


def explain(trial: Trial, layout: Layout, snakemake: Path = SNAKEMAKE) -> Lost | None:
    """What is known about the last failure on the way to this trial's result; None where nothing failed."""
    # The trial's own failure first, then that of what it waits for.
    wanted = (
        layout.trial(trial),
        layout.split(trial),
        layout.target(trial.dataset, "any").parent,
        layout.dataset(trial.dataset),
        layout.raw(trial.dataset),
    )
    for path in wanted:
        for run in _runs(snakemake):
            if errors := run.get(str(path)):
                return _tell(errors)
    return _interrupted(trial, layout, snakemake)


def _tell(errors: list[_Error]) -> Lost:
    """Several errors: attempts at the same job, or a group of jobs that was submitted, and fell, together."""
    last = {error.rule: error for error in errors}
    group = last.pop(None, None)
    steps = sorted(last, key=lambda rule: STEPS.index(rule) if rule in STEPS else STEPS.index("predict"))
    logs = {rule: next((log for log in last[rule].logs if not _is_slurm(log)), None) for rule in steps}
    verdicts = {rule: _verdict(log) for rule, log in logs.items()}
    # In a group, the one that fell took the others with it.
    step = next((rule for rule in steps if verdicts[rule]), steps[-1] if steps else "group")
    about = [error for error in (last.get(step), group) if error]
    slurm_log = next((log for error in about for log in error.logs if _is_slurm(log)), None)
    job = next((error.job for error in about if error.job), Path(slurm_log).stem if slurm_log else None)
    said = " ".join(error.message for error in about)
    return _judge(step, job, said, logs.get(step), slurm_log)


def _judge(step: str, job: str | None, said: str, log: str | None, slurm_log: str | None) -> Lost:
    status, verdict = _verdict(log) or ("", "")
    suffix = f" (SLURM job {job})" if job else ""
    for witness in (
        lambda: "\n".join(SLURM_LINE.findall(_tail(slurm_log))),
        lambda: said,
        lambda: _accounting(job),
    ):
        heard = witness()
        for pattern, ending, text in ENDS:
            if re.search(pattern, heard):
                # What the work said before it was ended tells more than how it was ended.
                more = f"; {status}: {verdict}" if verdict else ""
                return Lost(step, ending, f"{text}{suffix}{more}", log or slurm_log)
    if verdict:
        return Lost(step, "error" if status == "stopped" else status, verdict + suffix, log)
    line = _last_line(log) or _last_line(slurm_log) or said or "no word why"
    return Lost(step, "error", line + suffix, log or slurm_log)


def _interrupted(trial: Trial, layout: Layout, snakemake: Path) -> Lost | None:
    """No failure was reported, but something began: it still runs, or the run that would have reported it is gone."""
    logs = [(step, Path(layout.results, "logs", step, f"{trial}.log")) for step in STEPS]
    started = [(log.stat().st_mtime, step, log) for step, log in logs if log.is_file()]
    if not started:
        return None
    _, step, log = max(started)
    slurm_log = next(
        (path for path, text in _slurm_logs(snakemake) if f"{layout.trial(trial)}/" in text), None
    )
    if slurm_log or _verdict(log):
        return _judge(step, Path(slurm_log).stem if slurm_log else None, "", str(log), slurm_log)
    return Lost(step, "error", "begun and not ended: it is running, or the run was interrupted", str(log))


def _accounting(job: str | None) -> str:
    """The job's end in SLURM's accounting, where the site keeps one."""
    if job is None:
        return ""
    command = ["sacct", "--jobs", job, "--allocations", "--noheader", "--parsable2", "--format=State"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _runs(snakemake: Path) -> Iterator[dict[str, list[_Error]]]:
    """The failures of each run, the latest run first, by the files that are missing for them and by their folders."""
    for path in sorted(snakemake.glob("log/*.log"), reverse=True)[:RUNS]:
        yield _by_path(path, path.stat().st_mtime)


@lru_cache(maxsize=RUNS)
def _by_path(log: Path, changed: float) -> dict[str, list[_Error]]:
    """`changed` is there to read a log again that has grown."""
    found: dict[str, list[_Error]] = {}
    for error in _errors(log):
        # Two folders up: what a failed target would have been is one of its dataset's targets.
        places = {
            str(place) for output in map(Path, error.outputs) for place in (output, *output.parents[:2])
        }
        for place in places:
            found.setdefault(place, []).append(error)
    return found


def _errors(path: Path) -> list[_Error]:
    errors: list[_Error] = []
    current: _Error | None = None
    for line in path.read_text(errors="replace").splitlines():
        key, _, value = line.strip().partition(": ")
        if found := re.fullmatch(r"Error in rule (\w+):", line.strip()):
            current = _Error(found[1])
            errors.append(current)
        elif found := re.fullmatch(r"message: Error in group (\w+)", line.strip()):
            current = _Error(None)
            errors.append(current)
        elif not line.startswith("    ") or line.strip().startswith("["):
            current = None
        elif current is None:
            continue
        elif key == "message":
            current.message = "" if value == "None" else value
        elif key == "output":
            current.outputs += value.split(", ")
        elif key == "log":
            current.logs += value.removesuffix(" (check log file(s) for error details)").split(", ")
        elif key == "external_jobid":
            current.job = value
    return errors


def _is_slurm(log: str) -> bool:
    return "slurm_logs" in log


def _slurm_logs(snakemake: Path) -> Iterator[tuple[str, str]]:
    paths = [(path.stat().st_mtime, path) for path in snakemake.glob("slurm_logs/**/*.log")]
    for changed, path in sorted(paths, reverse=True):
        yield str(path), _read(path, changed)


@lru_cache(maxsize=1000)
def _read(path: Path, changed: float) -> str:
    return _tail(path)


def _tail(path: str | Path | None) -> str:
    try:
        return Path(path).read_text(errors="replace")[-TAIL:] if path else ""
    except OSError:
        return ""


def _verdict(log: str | Path | None) -> tuple[str, str] | None:
    found = VERDICT.findall(_tail(log))
    return found[-1] if found else None


def _last_line(path: str | None) -> str:
    lines = [line.strip() for line in _tail(path).splitlines() if line.strip()]
    return lines[-1] if lines else ""
