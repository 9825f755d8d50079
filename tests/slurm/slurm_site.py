"""A copy of the project, run from its root on the test's own SLURM as a user would on a cluster."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from checkout import Checkout
from cluster import Cluster

# What this one-node cluster needs beyond the profile as it is: it keeps no accounts, and its jobs take seconds.
OPTIONS = (
    "--slurm-status-command=squeue",
    "--slurm-no-account",
    "--slurm-init-seconds-before-status-checks=2",
    "--latency-wait=10",
)


@dataclass(frozen=True)
class Job:
    """A SLURM job, asked for by Snakemake."""

    asked: dict[str, str]
    """scontrol's fields"""
    work: tuple[tuple[str, str], ...]
    """rule and method (empty where a rule has none) of each Snakemake job in it"""

    @property
    def log(self) -> str:
        """SLURM's log; the plugin deletes it after success."""
        return Path(self.asked["StdOut"]).read_text(errors="replace")


@dataclass(frozen=True)
class Site:
    folder: Path
    cluster: Cluster

    @classmethod
    def make(cls, folder: Path, cluster: Cluster) -> Site:
        return cls(Checkout.make(folder).folder, cluster)

    @property
    def environment(self) -> dict[str, str]:
        environment = self.cluster.environment
        # Jobs that may keep compiled modules start in half the time.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        path = f"{self.folder}/.venv/bin:{Path(sys.executable).parent}:{environment['PATH']}"
        return {**environment, "PATH": path, "PYTHONPATH": f"{self.folder}/src", "OMP_NUM_THREADS": "1"}

    def start(self, *options: str) -> subprocess.Popen:
        with (self.folder / "snakemake.out").open("w") as output:
            return subprocess.Popen(
                ["snakemake", "--profile", "slurm", *options, *OPTIONS],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, ready: Callable[[], bool], run: subprocess.Popen, seconds: float) -> None:
        """For something that happens while Snakemake runs."""
        end = time.monotonic() + seconds
        while not ready():
            assert run.poll() is None, f"ended too early: {run.returncode}\n{self.said}"
            assert time.monotonic() < end, f"waited in vain\n{self.said}"
            time.sleep(0.2)

    def check_ended_well(self, run: subprocess.Popen) -> None:
        assert run.poll() == 0, f"snakemake: {run.returncode}\n{self.said}"

    @property
    def said(self) -> str:
        return (self.folder / "snakemake.out").read_text(errors="replace")[-6000:]

    def call(self, *command: str) -> None:
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def jobs(self, rule: str | None = None, method: str | None = None) -> list[Job]:
        """What SLURM remembers of the jobs submitted from here, in that order; all, or those with certain work."""
        jobs = [
            Job(asked, _work_of(self.cluster.run("scontrol", "write", "batch_script", asked["JobId"], "-")))
            for asked in self.cluster.jobs()
            if Path(asked["WorkDir"]) == self.folder
        ]
        return [job for job in jobs if rule is None or (rule, method) in job.work]


def _work_of(script: str) -> tuple[tuple[str, str], ...]:
    """From `--target-jobs 'predict:dataset=d,...,method=m' 'score:...' --allowed-rules ...` of a submitted script."""
    targets = re.search(r"--target-jobs (.*?) --allowed-rules", script)[1]
    found = re.findall(r"'(\w+):?([^']*)'", targets)
    methods = (re.search(r"\bmethod=([^,]+)", wildcards) for _, wildcards in found)
    return tuple(
        (rule, method[1] if method else "") for (rule, _), method in zip(found, methods, strict=True)
    )
