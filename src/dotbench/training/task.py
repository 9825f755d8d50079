"""What a training is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dotbench.cards import DatasetCard, MethodCard
from dotbench.contract.status import Failure
from dotbench.contract.trial import Trial
from dotbench.data.dataset import Dataset
from dotbench.data.splits import Split


@dataclass(frozen=True)
class Task:
    trial: Trial
    card: MethodCard
    dataset_card: DatasetCard
    split: Split
    dataset: Dataset
    targets: Path | None
    """folder of the kernel's target maps; only networks have one"""
    out: Path
    """where model.safetensors, history.csv and train.json go"""
    checkpoints: Path
    start: Path | None = None
    """folder of the trial with whose weights the training begins"""
    device: str = "auto"
    deterministic: bool = False
    seed: int = 0
    threads: int | None = None
    """None: as many as PyTorch finds"""
    checkpoint_every: float = 60.0
    """seconds of work that a crash may cost"""

    def check_images(self) -> None:
        """Whether there is anything to learn from."""
        if not self.split.train and self.start is None:
            raise Failure(
                "not_applicable", f"{self.card.id} learns from training images, and with N = 0 there are none"
            )
