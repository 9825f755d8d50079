"""What a prediction is asked to do, and who does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dotbench.cards import DatasetCard, MethodCard
from dotbench.contract.prediction import Prediction
from dotbench.contract.trial import Trial
from dotbench.data.dataset import Dataset, Sample
from dotbench.data.splits import Split


@dataclass(frozen=True)
class Task:
    trial: Trial
    card: MethodCard
    dataset_card: DatasetCard
    split: Split
    dataset: Dataset
    folder: Path
    """the trial's folder: holds the model, gets the predictions"""
    match: Callable[[np.ndarray, np.ndarray, float], Any]
    """(true dots, predicted dots, radius) to an object with `pairs`: decides which threshold is best"""
    start: Path | None = None
    """folder of the trial that this one's training began with: what it found out serves where no image has labels"""
    device: str = "auto"
    deterministic: bool = False
    seed: int = 0
    threads: int | None = None
    log: Path | None = None


class Predictor(Protocol):
    """A method that is ready to predict."""

    def predict(self, sample: Sample, rng: np.random.Generator) -> Prediction: ...

    def facts(self) -> dict[str, Any]:
        """What run.json says about it."""
        ...
