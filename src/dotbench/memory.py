"""How much memory is left for this process, its container's or job's limit included, and what does not fit into it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

from dotbench.errors import UserError

# malloc.h: pieces that are mapped each by itself; free bytes at the top of the heap from which on they are given back.
_M_MMAP_MAX, _M_TRIM_THRESHOLD = -4, -1


class TooLarge(UserError, MemoryError):
    """Known before it is tried: the system would end the process without a word."""

    status = "oom"


def require(needed: int, what: str, where: object, next: str) -> None:
    """Raises TooLarge for so many bytes that there are not."""
    free = available_bytes()
    if needed > free:
        raise TooLarge(
            f"{what} is larger than the memory: it needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free",
            where=where,
            next=next,
        )


def keep_freed() -> None:
    """From now on this process keeps memory that it has freed for what it needs next.

    glibc gives large pieces back to the system, which hands them out again as zeros, page by page. A training asks for
    the same pieces in every step: of SAU-Net's step with 15 crops of 224 x 224 that was 4.7 of 8.3 seconds.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    # macOS and musl have another allocator and no such switch.
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, -1)


def available_bytes() -> int:
    import psutil

    return min([psutil.virtual_memory().available, *left_in_groups()])


def left_in_groups(
    groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> Iterator[int]:
    """What the limits of containers and SLURM jobs leave; the machine's own number does not know of them."""
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        # Version 2 has one tree for everything, version 1 one for memory, with other names for the same.
        if not controllers:
            top, files = root, ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            top, files = root / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        folder = top / path.strip("/")
        for group in (folder, *folder.parents[: len(folder.parts) - len(top.parts)]):
            # "max" and folders that a container does not see: no limit here.
            limit, used = (_number(group / file) for file in files)
            if limit is not None and used is not None:
                yield max(0, limit - used + _files(group / "memory.stat"))


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _files(stat: Path) -> int:
    """Pages of files count as used, and are given back when somebody needs them."""
    try:
        entries = dict(line.split() for line in stat.read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return sum(int(entries.get(name, 0)) for name in ("active_file", "inactive_file"))
