"""Errors that a user can act on: what was given, where, what is allowed, and the next command."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable
from pathlib import Path


class UserError(Exception):
    """A problem in what the user gave or has; printed without a traceback."""

    def __init__(self, what: str, *, where: object = None, allowed: object = None, next: str | None = None):
        self.what, self.where, self.allowed, self.next = what, where, allowed, next
        super().__init__(str(self))

    def __str__(self) -> str:
        parts = [self.what]
        for label, value in (("where", self.where), ("allowed", self.allowed), ("next", self.next)):
            if value is not None:
                parts.append(f"  {label + ':':<9}{value}")
        return "\n".join(parts)

    def __reduce__(self):
        # Exceptions with keyword-only arguments do not survive a process pool without this.
        return _rebuild, (type(self), self.what, self.where, self.allowed, self.next)


def _rebuild(cls, what, where, allowed, next):
    return cls(what, where=where, allowed=allowed, next=next)


class NotNow(UserError):
    """What hinders the work is not its own and passes: a full disk, an absent GPU, another run in the same folder.

    It is never written down as a result, so that the same command goes on once it is mended.
    """


def nearest(given: str, known: Iterable[str]) -> str:
    """The phrase `did you mean 'x'?` for a mistyped name, or an empty string."""
    close = difflib.get_close_matches(given, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else ""


def unknown(
    kind: str, given: str, known: Iterable[str], *, where: object = None, next: str | None = None
) -> UserError:
    """The one way to refuse a name that does not exist."""
    known = sorted(known)
    hint = nearest(given, known)
    return UserError(
        f"unknown {kind} {given!r}" + (f"; {hint}" if hint else ""),
        where=where,
        allowed=", ".join(known) or f"none: no {kind} is defined",
        next=next,
    )


def in_words(problem: BaseException) -> str:
    """An exception that nobody foresaw, with the line of our or a contributor's code that it came from."""
    text = f"{type(problem).__name__}: {problem}"
    lines = [
        frame
        for frame in traceback.extract_tb(problem.__traceback__)
        if "site-packages" not in frame.filename and not frame.filename.startswith("<")
    ]
    if not lines or isinstance(problem, SyntaxError):
        # A syntax error names its place itself; the last line to run is that of whoever imported it.
        return text
    file, root = Path(lines[-1].filename), Path(__file__).parents[2]
    place = file.relative_to(root) if file.is_relative_to(root) else file.name
    return f"{text} ({place}:{lines[-1].lineno})"
