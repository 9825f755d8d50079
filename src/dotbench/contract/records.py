"""train.json, run.json and metrics.json: what each says, read and written here alone.

Reading never fails: a record that is missing or broken says so by its status, so that one damaged file costs one trial.
Keys that a record does not know are kept: contributors' methods may write more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from dotbench.contract.status import Status
from dotbench.files import write_json


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)


class Record(_Part):
    """How a step of a trial ended."""

    FILE: ClassVar[str]

    # Results from before trials had this name say `cell`.
    trial: str = Field("", validation_alias=AliasChoices("trial", "cell"))
    status: Status
    reason: str = ""
    log: str | None = None

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @classmethod
    def path(cls, folder: Path) -> Path:
        return Path(folder, cls.FILE)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """`not_run` where there is none, `error` where it cannot be read."""
        file = cls.path(folder)
        try:
            return cls.model_validate(json.loads(file.read_text()))
        except FileNotFoundError:
            return cls(status="not_run", reason=f"{file} is missing: no result yet, or its job was killed")
        except (OSError, ValueError, RecursionError) as problem:
            why = _first(problem) if isinstance(problem, ValidationError) else str(problem)
            return cls(status="error", reason=f"{file} cannot be read ({why}); delete it and run again")

    def write(self, folder: Path) -> None:
        write_json(self.path(folder), self.model_dump(mode="json", exclude_unset=True))


class _Made(Record):
    """A record of work: with which code, on which machine."""

    seed: int | None = None
    memory: dict[str, float] | None = None
    """host_mb, gpu_mb: the most that was held"""
    device: str | None = None
    driver: str | None = None
    precision: str | None = None
    deterministic: bool | None = None
    threads: int | None = None
    git_commit: str | None = None
    packages: dict[str, str] | None = None
    parameters: int | None = None
    """of the model"""
    weights: str | None = None
    """origin of what the model did not learn itself"""


class TrainRecord(_Made):
    FILE: ClassVar[str] = "train.json"

    steps: int | None = None
    kept_step: int | None = None
    """after which the weights are those that were kept"""
    validation_mae: float | None = None
    """of the kept weights"""
    seconds: float = 0.0

    def summary(self) -> dict[str, Any]:
        """What of a training is worth having beside its predictions."""
        return self.model_dump(mode="json", include=_SUMMARY, exclude_unset=True)


_SUMMARY = {"device", "driver", "precision", "threads", "memory", "steps", "kept_step", "validation_mae"}


class Seconds(_Part):
    train: float | None = None
    predict: float | None = None


class RunRecord(_Made):
    FILE: ClassVar[str] = "run.json"

    card: dict[str, Any] | None = None
    """the method's card as it was resolved"""
    dataset_digest: str | None = None
    seconds: Seconds | None = None
    train: dict[str, Any] | None = None
    """summary of the training's record"""
    threshold: float | None = None
    line: tuple[float, float] | None = None
    """slope and offset that calibrate counts"""


class Interval(_Part):
    """A number and its 95 % bootstrap interval over test images."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Curve(_Part):
    """Scores against the radius of a hit."""

    radii: list[float] = []
    f1: list[float | None] = []
    precision: list[float | None] = []
    recall: list[float | None] = []


class Cost(_Part):
    train_seconds: float | None = None
    predict_seconds: float | None = None
    device: str | None = None
    parameters: int | None = None


WHOLE_IMAGES = "per_image_of_patches"
"""the part of metrics.json about whole images, where the protocol cuts them into patches"""


class Metrics(Record):
    """Beside what stands here, every metric by its name (dotbench.cards.metrics): see `metric`."""

    FILE: ClassVar[str] = "metrics.json"

    images: int | None = None
    match: dict[str, Any] | None = None
    """the rule of a hit"""
    tp: int | None = None
    fp: int | None = None
    fn: int | None = None
    f1_curve: Curve | None = None
    per_image_of_patches: dict[str, Any] | None = None
    """the metrics of whole images, where the protocol cuts them"""
    cost: Cost | None = None

    def metric(self, name: str, part: str | None = None) -> Interval | None:
        """One metric; `part` names a piece that has metrics of its own."""
        values: Mapping[str, Any] = self.model_extra or {}
        if part is not None:
            values = getattr(self, part, None) or values.get(part) or {}
        found = values.get(name)
        return Interval.model_validate(found if isinstance(found, dict) else {"value": found})

    @property
    def seconds(self) -> float:
        """Training and prediction together."""
        cost = self.cost or Cost()
        return (cost.train_seconds or 0) + (cost.predict_seconds or 0)


def _first(problem: ValidationError) -> str:
    error = problem.errors()[0]
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
