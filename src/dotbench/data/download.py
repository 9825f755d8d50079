"""One file over HTTP: resumed where it broke off, tried again when that can help, never half-done under its own name."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import requests

from dotbench import __version__

USER_AGENT = f"dotbench/{__version__}"
CHUNK = 1 << 18
WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504}


class Unavailable(Exception):
    """A source that does not give a file, and why: `offline`, `moved` or `broken`."""

    def __init__(self, kind: str, reason: str):
        self.kind, self.reason = kind, reason
        super().__init__(reason)


@dataclass
class Web:
    """A session with its patience; remembers hosts that cannot be reached, so that 7,000 files do not each wait for one."""

    attempts: int = 5
    pause: float = 1.0
    """seconds before the second attempt; doubles with each further one"""
    timeout: float = 30.0
    unreachable: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.session = requests.Session()
        # Compressed transfer would make byte ranges and lengths mean something else than the file's own.
        self.session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})

    def download(
        self, url: str, part: Path, size: int | None = None, tell: Callable[[int], object] = lambda n: None
    ):
        """Completes `part` from `url`; `tell` hears of each piece (a negative number when a start was in vain)."""
        host = urlsplit(url).netloc
        part.parent.mkdir(parents=True, exist_ok=True)
        problem = Unavailable("offline", f"{host} cannot be reached")
        for attempt in range(self.attempts):
            if host in self.unreachable:
                raise problem
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1) * random.uniform(1, 1.5))
            try:
                return self._continue(url, part, size, tell)
            except _NoConnection as broken:
                problem = Unavailable("offline", f"{host} cannot be reached ({broken})")
            except _TryAgain as broken:
                problem = Unavailable("broken", f"{url} {broken}")
        if problem.kind == "offline":
            self.unreachable.add(host)
        raise problem

    def _continue(self, url: str, part: Path, size: int | None, tell: Callable[[int], object]) -> None:
        done = part.stat().st_size if part.exists() else 0
        if size is not None and done >= size:
            # Whole already (the checksum decides), or longer than the file can be: then it is not this file.
            if done == size:
                return
            part.unlink()
            done = 0
        with self._ask(url, done) as answer:
            status, span = answer.status_code, answer.headers.get("Content-Range", "")
            if status == 416 and span == f"bytes */{done}":
                return
            if status == 416:
                tell(-done)
                part.unlink()
                raise _TryAgain(f"has no bytes after {done}")
            if status in WORTH_ANOTHER_TRY:
                raise _TryAgain(f"answered {status} {answer.reason}")
            if status not in (200, 206):
                raise Unavailable("moved", f"{url} answered {status} {answer.reason}")
            if done and not (status == 206 and span.startswith(f"bytes {done}-")):
                # The server sends the whole file although asked for its rest.
                tell(-done)
                done = 0
            with part.open("ab" if done else "wb") as file:
                try:
                    for chunk in answer.iter_content(CHUNK):
                        file.write(chunk)
                        tell(len(chunk))
                except requests.RequestException as problem:
                    raise _TryAgain(f"broke off after {file.tell()} bytes ({_root(problem)})") from problem
        if size is not None and part.stat().st_size < size:
            raise _TryAgain(f"ended after {part.stat().st_size} of {size} bytes")

    def _ask(self, url: str, done: int) -> requests.Response:
        headers = {"Range": f"bytes={done}-"} if done else {}
        try:
            return self.session.get(url, headers=headers, stream=True, timeout=self.timeout)
        except (requests.ConnectionError, requests.Timeout) as problem:
            raise _NoConnection(_root(problem)) from problem


class _NoConnection(Exception):
    """Nobody answers there."""


class _TryAgain(Exception):
    """An answer that may be better the next time."""


def _root(problem: BaseException) -> str:
    """The innermost message: requests wraps the words that say what happened in four layers of objects."""
    while True:
        inner = getattr(problem, "reason", None) or (problem.args[0] if problem.args else None)
        if not isinstance(inner, BaseException):
            return str(inner or problem).split(": ")[-1]
        problem = inner
