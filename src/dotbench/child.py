"""The guarded side of a job: does the work, and tells the guard how it ended."""

from __future__ import annotations

import errno
import faulthandler
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from dotbench.contract.status import STATUSES, Failure, Stopped
from dotbench.errors import NotNow, UserError, in_words
from dotbench.processes import die_with_parent

STOPPED = "stopped"
FULL = (errno.ENOSPC, errno.EDQUOT)


def be_child(work: Callable[[], object], output: int, report: int, parent: int) -> NoReturn:
    """Never returns: a child must not go on with the code that its parent has after the fork."""
    said = {"status": "ok", "reason": "", "out_of_memory": False, "passes": False}
    try:
        # A group of its own: Ctrl-C reaches it as a wish to stop, and its helpers can be ended with it.
        os.setpgid(0, 0)
        die_with_parent(parent)
        # After a fork the thread that is left is the main one, so signals can be handled in any case.
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.dup2(output, 1)
        os.dup2(output, 2)
        # Streams of our own: those of the parent may be anything, a test's among them.
        sys.stdout = os.fdopen(1, "w", buffering=1, errors="backslashreplace")
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
        faulthandler.enable()
        work()
    except BaseException as problem:
        said = _describe(problem)
        # Who is told what is wrong and what to do needs no lines of our code.
        if said["status"] != "ok" and not isinstance(problem, UserError | Failure | Stopped):
            traceback.print_exc()
    finally:
        os.write(report, json.dumps(said).encode())
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0 if said["status"] == "ok" else 1)


def _describe(problem: BaseException) -> dict[str, object]:
    out_of_memory = isinstance(problem, MemoryError)
    passes = isinstance(problem, NotNow) or (isinstance(problem, OSError) and problem.errno in FULL)
    status = getattr(problem, "status", None)
    if isinstance(problem, SystemExit):
        status, reason = ("error", f"left with exit status {problem.code}") if problem.code else ("ok", "")
    elif isinstance(problem, Stopped):
        status, reason = STOPPED, str(problem)
    elif status in STATUSES or isinstance(problem, UserError):
        status, reason = status or "error", str(problem)
    else:
        # torch.OutOfMemoryError goes by its name: this must not import torch.
        status = "oom" if out_of_memory or type(problem).__name__ == "OutOfMemoryError" else "error"
        reason = in_words(problem)
    return {"status": status, "reason": reason, "out_of_memory": out_of_memory, "passes": passes}


def _stop(number: int, frame: object) -> None:
    # Once is enough: a second SIGTERM must not break into the saving that the first one started.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped("asked to stop")
