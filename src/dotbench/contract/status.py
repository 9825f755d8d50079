"""Failure is data: the vocabulary of outcomes, and how work says why it ended."""

from __future__ import annotations

from typing import Literal, get_args

from dotbench.errors import UserError

Status = Literal["ok", "error", "oom", "timeout", "not_applicable", "missing_weights", "not_run"]
STATUSES: tuple[str, ...] = get_args(Status)


class Failure(Exception):
    """Ends a job with one of STATUSES and a sentence that says why and what to try."""

    def __init__(self, status: str, reason: str):
        if status not in STATUSES:
            raise ValueError(f"{status!r} is none of {STATUSES}")
        self.status, self.reason = status, reason
        super().__init__(status, reason)

    def __str__(self) -> str:
        return self.reason


class Stopped(Exception):
    """Work that was asked to stop (SIGTERM) has saved what it needs to go on later; the text says how far it got."""


class MissingWeights(UserError):
    """Weights that a method needs are not there."""

    status = "missing_weights"
