"""Where everything lies: the one place that knows the folder structure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dotbench.contract.trial import Trial


@dataclass(frozen=True)
class Layout:
    """Every path of a run, from its two root folders."""

    results: Path = Path("results")
    resources: Path = Path("resources")
    untrained: frozenset[str] = frozenset()
    """methods that do not learn: what they predict depends on neither N nor draw"""

    def home(self, trial: Trial) -> Trial:
        """The trial that stands for this one: of a method that does not learn there is one, whatever N and draw."""
        return replace(trial, n=0, draw=0) if trial.method in self.untrained else trial

    def raw(self, dataset: str) -> Path:
        return Path(self.resources, "raw", dataset)

    def dataset(self, dataset: str) -> Path:
        return Path(self.resources, "datasets", dataset)

    def split(self, trial: Trial) -> Path:
        return Path(self.resources, "splits", f"{self.home(trial).split}.json")

    def target(self, dataset: str, kernel: str) -> Path:
        return Path(self.resources, "targets", dataset, kernel)

    def trial(self, trial: Trial) -> Path:
        return Path(self.results, str(self.home(trial)))

    def checkpoint(self, trial: Trial) -> Path:
        # Not a declared output: Snakemake deletes those before a retry, and a checkpoint is there to be resumed.
        return Path(self.resources, "checkpoints", str(self.home(trial)))

    def lock(self, what: Trial | str) -> Path:
        what = self.home(what) if isinstance(what, Trial) else what
        return Path(self.resources, "locks", f"{what}.lock")

    def log(self, step: str, trial: Trial) -> Path:
        return Path(self.results, "logs", step, f"{self.home(trial)}.log")
