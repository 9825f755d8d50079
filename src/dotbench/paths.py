"""Where everything lies: the one place that knows the folder structure."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

from dotbench.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"


@dataclass(frozen=True, order=True)
class Trial:
    """The unit of work and of every table."""

    dataset: str
    protocol: str
    n: int
    draw: int
    method: str

    def __str__(self) -> str:
        return f"{self.dataset}/{self.protocol}/n{self.n}/draw{self.draw}/{self.method}"

    @property
    def split(self) -> str:
        return f"{self.dataset}/{self.protocol}/n{self.n}/draw{self.draw}"

    @classmethod
    def parse(cls, text: str) -> Trial:
        found = re.fullmatch(r"([a-z]\w*)/([a-z]\w*)/n(\d+)/draw(\d+)/([a-z]\w*)", text.strip().strip("/"))
        if not found:
            raise UserError(
                f"{text!r} does not name a trial",
                allowed="dataset/protocol/n<images>/draw<number>/method, e.g. vgg/xie2015/n32/draw0/fcrn_a",
                next="snakemake -n names those of your configuration, results/tables/trials.csv too",
            )
        dataset, protocol, n, draw, method = found.groups()
        return cls(dataset, protocol, int(n), int(draw), method)


TRIAL_COLUMNS = tuple(field.name for field in fields(Trial))
"""what names a trial in the records of a table"""


@dataclass(frozen=True)
class Layout:
    """Every path of a run, from its two root folders."""

    results: Path = Path("results")
    resources: Path = Path("resources")

    def raw(self, dataset: str) -> Path:
        return Path(self.resources, "raw", dataset)

    def dataset(self, dataset: str) -> Path:
        return Path(self.resources, "datasets", dataset)

    def split(self, trial: Trial) -> Path:
        return Path(self.resources, "splits", f"{trial.split}.json")

    def target(self, dataset: str, kernel: str) -> Path:
        return Path(self.resources, "targets", dataset, kernel)

    def trial(self, trial: Trial) -> Path:
        return Path(self.results, str(trial))

    def checkpoint(self, trial: Trial) -> Path:
        # Not a declared output: Snakemake deletes those before a retry, and a checkpoint is there to be resumed.
        return Path(self.resources, "checkpoints", str(trial))

    def lock(self, what: Trial | str) -> Path:
        return Path(self.resources, "locks", f"{what}.lock")

    def log(self, step: str, trial: Trial) -> Path:
        return Path(self.results, "logs", step, f"{trial}.log")
