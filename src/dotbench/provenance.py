"""What a result was made with: code, packages, machine."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from dotbench.paths import ROOT

PACKAGES = ("dotbench", "numpy", "scipy", "scikit-image", "scikit-learn", "torch", "safetensors")


@cache
def git_commit() -> str | None:
    """The project's commit, with `+` when files were changed since; None outside a repository."""
    commit = _git("rev-parse", "HEAD")
    return commit and commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")


@cache
def packages() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@cache
def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def host_memory_mb() -> float:
    """The most memory this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def facts() -> dict[str, object]:
    """For the record of work on the CPU without PyTorch."""
    return {
        "memory": {"host_mb": host_memory_mb(), "gpu_mb": 0.0},
        "device": cpu_name(),
        "driver": None,
        "git_commit": git_commit(),
        "packages": packages(),
    }


@cache
def gpu_driver() -> str | None:
    told = _run("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return told.split("\n")[0] if told else None


def _git(*command: str) -> str | None:
    return _run("git", "-C", str(ROOT), *command)


def _run(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
