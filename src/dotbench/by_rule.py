"""For methods that are rules of their own: the images of a trial come in, the three files of the contract go out."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dotbench import provenance
from dotbench.contract.prediction import Prediction
from dotbench.contract.predictions import write_predict_failure, write_predictions
from dotbench.contract.status import Failure
from dotbench.contract.trial import Trial
from dotbench.data.dataset import Dataset, Sample
from dotbench.data.splits import Split
from dotbench.errors import UserError
from dotbench.plan import Plan


class TrialWork:
    """The images of one trial, and the place for what a method says about them."""

    def __init__(self, plan: Plan, trial: Trial):
        self.card, self.dataset_card = plan.method(trial), plan.datasets[trial.dataset]
        self._split = Split.read(plan.layout.split(trial))
        self.dataset = Dataset.open(plan.layout.dataset(trial.dataset))
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

    def add(
        self, sample: Sample, count: float, dots: np.ndarray | None = None, scores: np.ndarray | None = None
    ) -> None:
        """What the method says about one image: a count, and (z,)y,x of each cell if it can say where they are."""
        dots = np.empty((0, self.dataset_card.ndim)) if dots is None else np.asarray(dots, float)
        self.predictions[sample.id] = Prediction(
            count, dots, np.ones(len(dots)) if scores is None else scores
        )


def by_rule(plan: Plan, trial: Trial, log: str | Path, method: Callable[[TrialWork], None]) -> None:
    """Lets `method` look at the images of a trial and say what it finds, and writes the trial's files.

    Whatever goes wrong inside becomes the status of the trial: one method never costs a table.
    """
    folder = plan.layout.trial(trial)
    start = time.monotonic()
    try:
        if not plan.applies(trial):
            raise Failure(
                "not_applicable", f"{trial.method} is not made for images like those of {trial.dataset}"
            )
        work = TrialWork(plan, trial)
        method(work)
    except Exception as problem:
        Path(log).write_text(traceback.format_exc())
        reason = (
            str(problem)
            if isinstance(problem, (Failure, UserError))
            else f"{type(problem).__name__}: {problem}"
        )
        write_predict_failure(folder, trial, getattr(problem, "status", "error"), reason, log)
        return
    facts = {
        "seed": plan.config.seed,
        "card": work.card.model_dump(mode="json"),
        "dataset_digest": work.dataset.info["digest"],
        "seconds": {"train": 0.0, "predict": round(time.monotonic() - start, 2)},
        "log": str(log),
        **provenance.facts(),
    }
    write_predictions(folder, trial, work.predictions, facts)
