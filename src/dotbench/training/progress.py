"""How far a training is and how long it will take: on a terminal, in a log, and for `dotbench status`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tqdm import tqdm

from dotbench.files import write_json

LOG_EVERY = 30.0
"""seconds between lines where there is no terminal"""


class Progress:
    """A bar on a terminal, a line now and then in a log; and progress.json beside the checkpoint."""

    def __init__(self, name: str, folder: Path, done: int, total: int):
        self.name, self.folder = name, folder
        self.first, self.done, self.total = done, done, total
        self.start = self.told = time.monotonic()
        self.text = ""
        terminal = sys.stderr.isatty()
        self.bar = tqdm(
            total=total, initial=done, desc=name, unit="step", disable=not terminal, file=sys.stderr
        )
        if done:
            self._say(f"goes on at step {done} of {total}")

    def note(self, **values: float | None) -> None:
        """What is known of the training's success."""
        self.text = "".join(f", {key} {value:.4g}" for key, value in values.items() if value is not None)
        self.bar.set_postfix_str(self.text.removeprefix(", "), refresh=False)

    def step(self) -> None:
        self.done += 1
        self.bar.update()
        now = time.monotonic()
        if now - self.told > LOG_EVERY or self.done in (self.first + 1, self.total):
            self.told = now
            left = (now - self.start) / (self.done - self.first) * (self.total - self.done)
            write_json(
                self.folder / "progress.json",
                {"step": self.done, "steps": self.total, "left": round(left, 1)},
            )
            self._say(f"step {self.done} of {self.total}, {tqdm.format_interval(left)} left{self.text}")

    def close(self) -> None:
        self.bar.close()

    def _say(self, text: str) -> None:
        if self.bar.disable:
            print(f"{self.name}: {text}", file=sys.stderr, flush=True)
