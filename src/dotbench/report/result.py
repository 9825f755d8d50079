"""What the draws of one trial gave together: means, spread, intervals, and what failed and why."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev

from dotbench.cards.metrics import METRICS
from dotbench.errors import UserError
from dotbench.paths import Layout, Trial
from dotbench.records import STATUSES, read_csv, read_json
from dotbench.report.numbers import is_number

# Totals that a table may ask for, and the column of per_image.csv they are the sum of.
TOTALS = {"cells_true": "true", "cells_predicted": "predicted"}
# F1 at another radius than the dataset card's, for papers that hide theirs: points of the curve that every trial has.
AT_RADIUS = {"f1_r8": 8.0}


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
    metrics: dict = field(default_factory=dict)


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
    return Result(tuple(read_draw(trial, layout) for trial in trials))


def read_draw(trial: Trial, layout: Layout) -> Draw:
    """Never fails: a file that is missing or broken is an outcome like any other."""
    folder = layout.trial(trial)
    file = folder / "metrics.json"
    try:
        metrics = read_json(file)
        status = metrics["status"]
    except FileNotFoundError:
        return Draw(trial, folder, "not_run", "no result yet", _log(folder))
    except (UserError, UnicodeDecodeError, KeyError, TypeError):
        return Draw(trial, folder, "error", f"{file} cannot be read; delete it and run again", _log(folder))
    if status not in STATUSES:
        return Draw(trial, folder, "error", f"{file} has the unknown status {status!r}", _log(folder))
    log = metrics.get("log") or (_log(folder) if status != "ok" else None)
    return Draw(trial, folder, status, metrics.get("reason") or "", log, metrics)


def _entry(draw: Draw, metric: str, part: str | None) -> dict[str, float] | None:
    """{value, low, high} of a metric, scaled as papers print it."""
    source = draw.metrics if part is None else draw.metrics.get(part) or {}
    entry = source.get(metric)
    if entry is None and part is None:
        entry = _at_radius(draw.metrics, metric) if metric in AT_RADIUS else _total(draw.folder, metric)
    if not isinstance(entry, dict):
        entry = {"value": entry}
    scale = METRICS[metric].scale
    scaled = {key: scale * entry[key] for key in ("value", "low", "high") if is_number(entry.get(key))}
    return scaled if "value" in scaled else None


def _at_radius(metrics: dict, metric: str) -> float | None:
    curve = metrics.get("f1_curve") or {"radii": [], "f1": []}
    return dict(zip(curve["radii"], curve["f1"], strict=True)).get(AT_RADIUS[metric])


def _total(folder: Path, metric: str) -> float | None:
    """Sums that metrics.json need not have, since per_image.csv has their parts."""
    if metric not in TOTALS:
        return None
    try:
        return math.fsum(float(row[TOTALS[metric]]) for row in read_csv(folder / "per_image.csv"))
    except (FileNotFoundError, KeyError, ValueError):
        return None


def _log(folder: Path) -> str | None:
    for name in ("run.json", "train.json"):
        try:
            log = read_json(folder / name).get("log")
        except (FileNotFoundError, UserError, UnicodeDecodeError, AttributeError):
            continue
        if log:
            return str(log)
    return None
