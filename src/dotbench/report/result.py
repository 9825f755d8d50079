"""What the draws of one trial gave together: means, spread, intervals, and what failed and why."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev

from dotbench.cards.metrics import METRICS
from dotbench.contract.layout import Layout
from dotbench.contract.records import Curve, Interval, Metrics, RunRecord, TrainRecord
from dotbench.contract.status import Failure
from dotbench.contract.tables import read_per_image
from dotbench.contract.trial import Trial
from dotbench.report.numbers import is_number

# Totals that a table may ask for, and the column of per_image.csv they are the sum of.
TOTALS = {"cells_true": "true", "cells_predicted": "predicted"}
# F1 at another radius than the dataset card's, for papers that hide theirs: points of the curve that every trial has.
AT_RADIUS = {"f1_r8": 8.0}

NOTHING = Metrics(status="not_run")


@dataclass(frozen=True)
class Value:
    """One metric over the draws that worked, in the units of a paper (shares as percent)."""

    mean: float
    sd: float | None = None
    """over draws; None for one draw"""
    low: float | None = None
    high: float | None = None
    """95 % bootstrap interval over test images: the mean of the draws' bounds, cautious because draws share images"""
    draws: int = 1


@dataclass(frozen=True)
class Draw:
    """What one trial left behind."""

    trial: Trial
    folder: Path
    status: str
    reason: str = ""
    log: str | None = None
    metrics: Metrics = NOTHING


@dataclass(frozen=True)
class Result:
    draws: tuple[Draw, ...]

    @cached_property
    def ok(self) -> tuple[Draw, ...]:
        return tuple(draw for draw in self.draws if draw.status == "ok")

    @property
    def troubled(self) -> tuple[Draw, ...]:
        return tuple(draw for draw in self.draws if draw.status != "ok")

    def value(self, metric: str, part: str | None = None) -> Value | None:
        """A metric over the draws; `part` names a sub-dictionary of metrics.json."""
        found = [entry for draw in self.ok if (entry := _entry(draw, metric, part))]
        if not found:
            return None
        means = [entry["value"] for entry in found]
        bounds = [(entry["low"], entry["high"]) for entry in found if is_number(entry.get("low"))]
        whole = len(bounds) == len(found)
        return Value(
            mean=fmean(means),
            sd=stdev(means) if len(means) > 1 else None,
            low=fmean(low for low, _ in bounds) if whole else None,
            high=fmean(high for _, high in bounds) if whole else None,
            draws=len(means),
        )


def read_result(trials: Iterable[Trial], layout: Layout) -> Result:
    """Draws that are one trial (methods that do not learn) count once."""
    return Result(tuple(read_draw(trial, layout) for trial in dict.fromkeys(map(layout.home, trials))))


def read_draw(trial: Trial, layout: Layout) -> Draw:
    """Never fails: a file that is missing or broken is an outcome like any other."""
    folder = layout.trial(trial)
    metrics = Metrics.read(folder)
    reason = "no result yet" if metrics.status == "not_run" else metrics.reason
    log = metrics.log or (_log(folder) if not metrics.ok else None)
    return Draw(trial, folder, metrics.status, reason, log, metrics)


def _entry(draw: Draw, metric: str, part: str | None) -> dict[str, float] | None:
    """{value, low, high} of a metric, scaled as papers print it."""
    if part is None and metric in AT_RADIUS:
        entry = Interval(value=_at_radius(draw.metrics, metric))
    elif part is None and metric in TOTALS:
        entry = Interval(value=_total(draw.folder, metric))
    else:
        entry = draw.metrics.metric(metric, part)
    scale = METRICS[metric].scale
    numbers = {"value": entry.value, "low": entry.low, "high": entry.high}
    scaled = {key: scale * number for key, number in numbers.items() if is_number(number)}
    return scaled if "value" in scaled else None


def _at_radius(metrics: Metrics, metric: str) -> float | None:
    curve = metrics.f1_curve or Curve()
    return dict(zip(curve.radii, curve.f1, strict=True)).get(AT_RADIUS[metric])


def _total(folder: Path, metric: str) -> float | None:
    """Sums that metrics.json need not have, since per_image.csv has their parts."""
    try:
        return math.fsum(getattr(row, TOTALS[metric]) for row in read_per_image(folder))
    except Failure:
        return None


def _log(folder: Path) -> str | None:
    return RunRecord.read(folder).log or TrainRecord.read(folder).log
