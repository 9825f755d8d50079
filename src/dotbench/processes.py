"""What the operating system knows about a process and its children; needs nothing but Linux's /proc, and does without."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
MB = 1024 * 1024
PR_SET_PDEATHSIG = 1


class Family:
    """A process and all that it started, looked at often and therefore cheaply."""

    def __init__(self, pid: int, refresh: float = 1.0):
        self.pid, self.refresh = pid, refresh
        self._members: list[int] = []
        self._looked = -refresh

    def memory_mb(self, interesting: float = 0.0) -> float:
        """Memory of all of them together. Exact only above `interesting`, where it is worth the time.

        The quick sum counts what forked helpers share once for each of them, so it can only be too high.
        """
        if time.monotonic() - self._looked > self.refresh:
            self._members = [self.pid, *descendants(self.pid)]
            self._looked = time.monotonic()
        quick = sum(map(resident, self._members)) / MB
        if quick <= interesting or len(self._members) == 1:
            return quick
        return sum(map(proportional, self._members)) / MB


def descendants(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        try:
            threads = list(Path(f"/proc/{parent}/task").iterdir())
            children = [
                int(child) for thread in threads for child in (thread / "children").read_text().split()
            ]
        except OSError:
            continue
        found += children
        waiting += children
    return found


def resident(pid: int) -> int:
    """Bytes in memory, what it shares with others included."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def proportional(pid: int) -> int:
    """Bytes in memory, what it shares with others divided among them."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resident(pid)


def snakemake_side_mb() -> float:
    """What Snakemake itself, this process included, takes of a SLURM job's memory.

    Above this process stands the Snakemake of the job step, and beside it, out of sight, an equal one of the batch
    script that started the step.
    """
    above, pid = [], parent_of(os.getpid())
    while pid > 1 and name_of(pid) != "slurmstepd":
        above.append(pid)
        pid = parent_of(pid)
    return (proportional(os.getpid()) + 2 * sum(map(proportional, above))) / MB


def parent_of(pid: int) -> int:
    try:
        # The name in parentheses may hold anything, so count from behind it.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def kernel_memory_kills() -> int:
    """How many processes the kernel has killed for memory since the machine started, containers' limits included."""
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def die_with_parent(parent: int) -> None:
    """Asks the kernel to kill this process when its parent is killed, so that nobody works on unwatched."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except AttributeError:
        # Only Linux has it; elsewhere a killed parent leaves its child to finish.
        return
    if os.getppid() != parent:
        os._exit(1)
