"""Two runs in one folder: each piece of work is done by one of them at a time."""

from __future__ import annotations

import errno
import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dotbench.errors import NotNow
from dotbench.files import cannot_write

# What file systems without locks answer; some clusters have such. Then nobody is kept out.
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)


@contextmanager
def alone(file: Path, does: str, wait: bool = False) -> Iterator[None]:
    """Whoever is inside with the same file is the only one; the lock ends with the process, however that ends.

    A second process, which `does` the same, stands in line or is refused.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("w")
    except OSError as problem:
        raise cannot_write(file, problem) from problem
    with lock:
        if not _taken(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
            if not wait:
                raise NotNow(
                    f"another process {does}",
                    where=file,
                    next="wait for it, or end it; then run the same command again",
                )
            print(f"waits: another process {does}", file=sys.stderr, flush=True)
            _taken(lock, fcntl.LOCK_EX)
        yield


def _taken(lock: IO, how: int) -> bool:
    try:
        fcntl.flock(lock, how)
    except BlockingIOError:
        return False
    except OSError as problem:
        if problem.errno not in NO_LOCKS:
            raise
    return True
