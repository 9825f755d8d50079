"""Runs a job's work in a child process and turns whatever ends it into an outcome: done, failed and why, or try again.

The parent stays small and alive: it copies the child's output to the log, watches memory and time, passes signals on,
and is the one left to say why when the kernel or a limit ends the child.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from dotbench import processes
from dotbench.child import STOPPED, be_child
from dotbench.limits import Limits

# Seconds between two looks at the child: short, because a growing array fills gigabytes in one.
INTERVAL = 0.1
# Seconds that the work has to end after SIGTERM from outside: SLURM kills 30 s after its own.
PATIENCE = 20.0
ASKED_TO_STOP = 128 + signal.SIGTERM
MORE_MEMORY = "raise needs.mem_mb in the method's card, or cut the images into pieces"
MORE_TIME = "raise needs.runtime in the method's card, or retries in slurm/profile.yaml"

OnFailure = Callable[[str, str], None]


def guard(
    work: Callable[[], object],
    on_failure: OnFailure | None = None,
    limits: Limits | None = None,
    log: Path | str | None = None,
) -> int:
    """The exit status of the job: 0 when the work is done or its failure is written down.

    `on_failure(status, reason)` writes the files that say why there is no result. Without it every failure is exit 1.
    It is not called, and the exit status is 1, when another attempt follows that may do better, or when what failed
    was not the work but the machine.
    """
    limits = limits or Limits()
    with _open_log(log, limits) as file:
        watch = _Watch(limits, file)
        with _handling(watch.on_signal):
            outcome = watch.run(work)
        return _conclude(outcome, on_failure, watch)


@contextmanager
def _handling(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Passes signals on from before the fork: one that comes right after it must not end the parent alone."""
    if threading.current_thread() is not threading.main_thread():
        # Python has no handlers there. A parent that is ended takes the child along.
        yield
        return
    previous = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, former in previous.items():
            signal.signal(number, former)


@dataclass(frozen=True)
class Outcome:
    status: str
    """ok, one of the failures of records.STATUSES, or stopped (from outside)"""
    reason: str = ""
    another_attempt_helps: bool = False
    advice: str = ""
    """for the reader of a table, when no attempt is left"""
    passes: bool = False
    """the machine is at fault: nothing is written down, so that the work is done when it is mended"""


class _Watch:
    """The parent's view of its child."""

    def __init__(self, limits: Limits, log: BinaryIO | None):
        self.limits, self.log = limits, log
        self.pid = 0
        self.asked_at: float | None = None
        self.ended_for: str | None = None
        self.used_mb = 0.0

    def run(self, work: Callable[[], object]) -> Outcome:
        output, child_output = os.pipe()
        report, child_report = os.pipe()
        kills_before = processes.kernel_memory_kills()
        parent = os.getpid()
        # What is buffered would be written by both.
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            be_child(work, child_output, child_report, parent)
        # Both do it: whoever comes first, the group is there before it is needed.
        with suppress(OSError):
            os.setpgid(self.pid, self.pid)
        os.close(child_output)
        os.close(child_report)
        exit_status = self._follow(output)
        said = _read_all(report)
        os.close(report)
        memory_kill = processes.kernel_memory_kills() > kills_before
        return self._judge(exit_status, json.loads(said) if said else {}, memory_kill)

    def on_signal(self, number: int, frame: object) -> None:
        self.asked_at = self.asked_at or time.monotonic()
        self._tell(signal.SIGTERM)

    def say(self, text: str) -> None:
        self._copy(f"{text}\n".encode())

    def _follow(self, output: int) -> int:
        """Copies output and looks at memory and time until the child has ended; its exit status."""
        family = processes.Family(self.pid)
        ended, exit_status = 0, 0
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while not ended:
                if not selector.get_map():
                    time.sleep(INTERVAL)
                elif selector.select(INTERVAL):
                    text = os.read(output, 65536)
                    self._copy(text)
                    if not text:
                        selector.unregister(output)
                self._check_memory(family)
                self._check_time()
                ended, exit_status = os.waitpid(self.pid, os.WNOHANG)
        # Helpers that the child started must not outlive it: they hold memory, the GPU and the pipe.
        self._tell(signal.SIGKILL)
        os.set_blocking(output, False)
        self._copy(_read_all(output))
        os.close(output)
        return os.waitstatus_to_exitcode(exit_status)

    def _check_memory(self, family: processes.Family) -> None:
        allowed = self.limits.work_mb
        if allowed is None or self.ended_for == "oom":
            return
        used = family.memory_mb(interesting=allowed)
        self.used_mb = max(self.used_mb, used)
        if used > allowed:
            self.ended_for = "oom"
            # Not SIGTERM: saving may need more than what is left.
            self._tell(signal.SIGKILL)

    def _check_time(self) -> None:
        if self.asked_at is not None and time.monotonic() - self.asked_at > PATIENCE:
            self._tell(signal.SIGKILL)
        if self.limits.ends_at is None:
            return
        left = self.limits.ends_at - time.time()
        if left < self.limits.notice and self.ended_for is None:
            self.ended_for = "timeout"
            self.say(f"timeout: {left:.0f} s left of the job's time: the work is asked to save and stop")
            self._tell(signal.SIGTERM)
        elif left < self.limits.notice / 2:
            self._tell(signal.SIGKILL)

    def _judge(self, exit_status: int, said: dict, memory_kill: bool) -> Outcome:
        status, reason = said.get("status"), said.get("reason", "")
        if status == "ok":
            return Outcome("ok")
        if self.ended_for == "oom":
            total, limit = self.used_mb + self.limits.reserved_mb, self.limits.memory_mb
            return Outcome("oom", f"used {total:.0f} of {limit:.0f} MB", True, MORE_MEMORY)
        if self.ended_for == "timeout":
            text = f"{(self.limits.runtime or 0) / 60:.0f} minutes were not enough"
            return Outcome("timeout", f"{text}; {reason}" if reason else text, True, MORE_TIME)
        if self.asked_at is not None or status == STOPPED:
            return Outcome(STOPPED, reason)
        if status is not None:
            # Where memory is limited, an allocation that was refused may be granted to a job that asks for more.
            refused = said["out_of_memory"] and self.limits.memory_mb is not None
            return Outcome(status, reason, refused or said["passes"], passes=said["passes"])
        if exit_status == -signal.SIGKILL and memory_kill:
            return Outcome("oom", "killed by the kernel, which ran out of memory", True, MORE_MEMORY)
        if exit_status == -signal.SIGKILL:
            return Outcome("error", "killed from outside (SIGKILL)", True)
        name = signal.Signals(-exit_status).name if exit_status < 0 else f"exit status {exit_status}"
        return Outcome("error", f"crashed ({name}); the log shows where")

    def _tell(self, number: int) -> None:
        if self.pid:
            # Nobody left is fine; macOS says so by refusing.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def _copy(self, text: bytes) -> None:
        for file in (self.log, sys.stderr.buffer):
            # A full disk or a closed terminal must not end work that goes well.
            with suppress(OSError):
                if file is not None and text:
                    file.write(text)
                    file.flush()


def _conclude(outcome: Outcome, on_failure: OnFailure | None, watch: _Watch) -> int:
    limits = watch.limits
    if outcome.status == "ok":
        return 0
    attempt = f"attempt {limits.attempt} of {max(limits.retries + 1, limits.attempt)}"
    # lost.py reads this line again when nothing else is left.
    text = f"{outcome.status} ({attempt}): {outcome.reason or 'asked to from outside'}"
    if outcome.status == STOPPED:
        watch.say(text)
        return ASKED_TO_STOP
    if outcome.another_attempt_helps and not limits.last_attempt:
        more = " with more memory" if outcome.status == "oom" else ""
        watch.say(f"{text}; will be resubmitted{more}")
        return 1
    watch.say(text)
    if on_failure is None or outcome.passes:
        return 1
    try:
        on_failure(outcome.status, "; ".join(filter(None, [outcome.reason, outcome.advice])))
    except Exception:
        watch.say(f"and this could not be written down:\n{traceback.format_exc()}")
        return 1
    return 0


@contextmanager
def _open_log(path: Path | str | None, limits: Limits) -> Iterator[BinaryIO | None]:
    file = path and _log_file(Path(path))
    if not file:
        yield None
        return
    with file:
        job = os.environ.get("SLURM_JOB_ID")
        where = socket.gethostname() + (f", SLURM job {job}" if job else "")
        with suppress(OSError):
            file.write(
                f"--- attempt {limits.attempt}, {datetime.now():%Y-%m-%d %H:%M:%S}, {where}\n".encode()
            )
        yield file


def _log_file(path: Path) -> BinaryIO | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not buffered: what a full disk does not take must not come up again when the file is closed.
        return path.open("wb", buffering=0)
    except OSError as problem:
        print(f"no log in {path}: {problem.strerror}", file=sys.stderr)
        return None


def _read_all(descriptor: int) -> bytes:
    """What there is; a descriptor that does not block may be one that others still hold open."""
    parts = []
    with suppress(BlockingIOError):
        while part := os.read(descriptor, 65536):
            parts.append(part)
    return b"".join(parts)
