"""Predicting with methods without gradient descent: classical models, rules of thumb, controls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pydantic import BaseModel

from dotbench import provenance
from dotbench.cards import ClassicalCard, DatasetCard
from dotbench.contract.model import read_model
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample
from dotbench.modules import load_module, read_options
from dotbench.predict.task import Task


@dataclass(frozen=True)
class Classical:
    module: ModuleType
    options: BaseModel
    model: dict[str, np.ndarray]
    info: DatasetCard

    def predict(self, sample: Sample, rng: np.random.Generator) -> Prediction:
        return self.module.predict(self.model, sample, self.options, self.info, rng)

    def facts(self) -> dict[str, Any]:
        return provenance.facts()


def open_predictor(task: Task) -> Classical:
    return open_classical(task.folder, task.card, task.dataset_card)


def open_classical(folder: Path, card: ClassicalCard, info: DatasetCard) -> Classical:
    module = load_module(card.module, card.line_of("classical"))
    model = read_model(folder)[0] if card.trains else {}
    return Classical(module, read_options(module, card.options, card.line_of("options")), model, info)
