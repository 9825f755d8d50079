"""For methods that are rules of their own: the images of a cell come in, the three files of the contract go out."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dotbench import provenance
from dotbench.data.dataset import Dataset, Sample
from dotbench.data.prediction import Prediction
from dotbench.data.splits import Split
from dotbench.errors import UserError
from dotbench.failure import Failure, write_predict_failure
from dotbench.paths import Cell
from dotbench.plan import Plan
from dotbench.predict.write import write_predictions


class CellWork:
    """The images of one cell, and the place for what a method says about them."""

    def __init__(self, plan: Plan, cell: Cell):
        self.card, self.dataset_card = plan.method(cell), plan.datasets[cell.dataset]
        self._split = Split.read(plan.layout.split(cell))
        self.dataset = Dataset.open(plan.layout.dataset(cell.dataset))
        self.predictions: dict[str, Prediction] = {}

    @property
    def train(self) -> list[Sample]:
        return self.dataset.samples(self._split.train, patch=self._split.patch)

    @property
    def validation(self) -> list[Sample]:
        return self.dataset.samples(self._split.validation, patch=self._split.patch)

    @property
    def test(self) -> list[Sample]:
        """Without dots: what a method may see."""
        return self.dataset.samples(self._split.test, with_dots=False, patch=self._split.patch)

    def add(self, sample: Sample, count: float, dots: np.ndarray | None = None, scores: np.ndarray | None = None) -> None:
        """What the method says about one image: a count, and (z,)y,x of each cell if it can say where they are."""
        dots = np.empty((0, self.dataset_card.ndim)) if dots is None else np.asarray(dots, float)
        self.predictions[sample.id] = Prediction(count, dots, np.ones(len(dots)) if scores is None else scores)


def by_rule(plan: Plan, cell: Cell, log: str | Path, method: Callable[[CellWork], None]) -> None:
    """Lets `method` look at the images of a cell and say what it finds, and writes the cell's files.

    Whatever goes wrong inside becomes the status of the cell: one method never costs a table.
    """
    folder = plan.layout.cell(cell)
    start = time.monotonic()
    try:
        if not plan.applies(cell):
            raise Failure("not_applicable", f"{cell.method} is not made for images like those of {cell.dataset}")
        work = CellWork(plan, cell)
        method(work)
    except Exception as problem:
        Path(log).write_text(traceback.format_exc())
        reason = str(problem) if isinstance(problem, (Failure, UserError)) else f"{type(problem).__name__}: {problem}"
        write_predict_failure(folder, cell, getattr(problem, "status", "error"), reason, log)
        return
    facts = {
        "seed": plan.config.seed,
        "card": work.card.model_dump(mode="json"),
        "dataset_digest": work.dataset.info["digest"],
        "seconds": {"train": 0.0, "predict": round(time.monotonic() - start, 2)},
        "log": str(log),
        **provenance.facts(),
    }
    write_predictions(folder, cell, work.predictions, facts)
