"""What a job may use: memory and time as the scheduler gave them, and whether another attempt follows."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dotbench.processes import snakemake_side_mb

# SLURM counts the whole job, and its count and ours differ by a little.
MEMORY_SHARE = 0.97


@dataclass(frozen=True)
class Limits:
    memory_mb: float | None = None
    """of the whole job; None: nobody enforces any"""
    reserved_mb: float = 0.0
    """of these, what others than the work take"""
    ends_at: float | None = None
    """unix time at which the scheduler kills the job"""
    runtime: float | None = None
    """seconds between the start of the job and `ends_at`"""
    attempt: int = 1
    retries: int = 0

    @property
    def last_attempt(self) -> bool:
        return self.attempt > self.retries

    @property
    def work_mb(self) -> float | None:
        """Memory that the work itself may take."""
        return self.memory_mb and self.memory_mb * MEMORY_SHARE - self.reserved_mb

    @property
    def notice(self) -> float:
        """Seconds before the end at which the work is asked to save and stop; it is killed at half of that."""
        return min(60.0, max(10.0, 0.1 * (self.runtime or 0.0)))

    @classmethod
    def of_job(cls, resources: Mapping[str, object]) -> Limits:
        """The limits of the SLURM job around this process; outside of SLURM nothing is enforced.

        `resources` is what the job asked for: attempt, mem_mb, runtime (minutes).
        """
        attempt = resources.get("attempt", 1)
        # Told by the process that submits (workflow/rules/common.smk); without it nobody resubmits.
        retries = int(os.environ.get("DOTBENCH_RETRIES", 0))
        job = os.environ.get("SLURM_JOB_ID")
        if job is None:
            return cls(attempt=attempt, retries=retries)
        memory_mb, runtime_minutes = resources.get("mem_mb"), resources.get("runtime")
        runtime = runtime_minutes * 60 if runtime_minutes else None
        ends_at = time.time() + runtime if runtime else None
        # The scheduler's own answer goes first: a profile can change what a rule asked for, and jobs wait to start.
        text = _ask_scheduler(job)
        if found := re.findall(r"TRES=\S*?\bmem=([\d.]+)([KMGT]?)", text):
            number, unit = found[-1]
            memory_mb = float(number) * {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024**2}[unit]
        start, end = _moment(text, "StartTime"), _moment(text, "EndTime")
        if start and end:
            ends_at, runtime = end, end - start
        return cls(memory_mb, snakemake_side_mb(), ends_at, runtime, attempt, retries)


def _ask_scheduler(job: str) -> str:
    try:
        command = ["scontrol", "--oneliner", "show", "job", job]
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _moment(text: str, name: str) -> float | None:
    """Unix time of a field like EndTime=2026-11-21T05:43:35; None for Unknown."""
    found = re.search(rf"\b{name}=(\d{{4}}-\S+)", text)
    return datetime.fromisoformat(found[1]).timestamp() if found else None
