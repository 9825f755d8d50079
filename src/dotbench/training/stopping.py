"""Being asked to stop (time limit, preemption) between two steps instead of in the middle of one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# SIGINT stays Python's KeyboardInterrupt: on a terminal it means now.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class Wish:
    """Whether someone has asked to stop."""

    def __init__(self) -> None:
        self.signal: str | None = None

    def __call__(self, number: int, _frame: object) -> None:
        self.signal = signal.Signals(number).name


@contextmanager
def wish_to_stop() -> Iterator[Wish]:
    """Notes the signals instead of dying of them; outside the main thread Python allows no handlers."""
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    before = {number: signal.signal(number, wish) for number in SIGNALS}
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
