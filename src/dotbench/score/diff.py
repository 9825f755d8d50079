"""Whether two results of the same trial differ by more than the choice of test images would explain.

At 95 %, one trial in twenty of two equally good runs differs by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dotbench.contract.records import Metrics
from dotbench.contract.status import Failure
from dotbench.contract.tables import read_per_image
from dotbench.score.metrics import resampled

IDENTICAL, NOISE, DIFFERENT, MISSING = "identical", "within noise", "different", "missing"
NEGLIGIBLE = 1e-3
"""share of an MAE, and difference of an F1 (of 1), that no table shows: rounding on another processor is no difference"""


@dataclass(frozen=True)
class Difference:
    trial: str
    verdict: str
    why: str = ""
    mae: float | None = None
    """second less first"""
    f1: float | None = None


def compare(first: Path, second: Path) -> Iterator[Difference]:
    """Every trial of either tree, in order."""
    for trial in sorted({*_trials(first), *_trials(second)}):
        yield _compare(trial, first / trial, second / trial)


def _trials(tree: Path) -> list[str]:
    return [str(file.parent.relative_to(tree)) for file in tree.rglob(Metrics.FILE)]


def _compare(trial: str, first: Path, second: Path) -> Difference:
    for folder in (first, second):
        if not Metrics.path(folder).is_file():
            return Difference(trial, MISSING, f"not in {folder}")
    records = [Metrics.read(folder) for folder in (first, second)]
    if records[0].status != records[1].status:
        return Difference(trial, DIFFERENT, f"{records[0].status} became {records[1].status}")
    if not records[0].ok:
        return Difference(trial, IDENTICAL, records[0].status)
    try:
        a, b = (_rows(folder) for folder in (first, second))
    except Failure as problem:
        return Difference(trial, DIFFERENT, str(problem))
    if a.keys() != b.keys():
        return Difference(trial, DIFFERENT, "the test images are not the same")
    if a == b:
        return Difference(trial, IDENTICAL, "", 0.0, 0.0)
    before, after = (np.array([table[image] for image in a]) for table in (a, b))
    change = {name: float(after_ - before_) for name, before_, after_ in _both(before.sum(0), after.sum(0))}
    # The same resamples for both: what counts is how the two differ on the same images.
    images = np.array([image.partition("#")[0] for image in a])
    spread = {
        name: after_ - before_
        for name, before_, after_ in _both(resampled(before, images), resampled(after, images))
    }
    mae = _mae(before.sum(0))
    visible = {"MAE": NEGLIGIBLE * mae, "F1": NEGLIGIBLE}
    beyond = [name for name in change if abs(change[name]) > visible[name] and not _holds_zero(spread[name])]
    verdict = DIFFERENT if beyond else NOISE
    return Difference(trial, verdict, " and ".join(beyond), change["MAE"], change["F1"])


def _rows(folder: Path) -> dict[str, tuple[float, ...]]:
    """Of each unit: one, its absolute error, tp, fp, fn, which sum to MAE and F1; and its error."""
    found = {}
    for row in read_per_image(folder):
        error = row.predicted - row.true
        found[row.image] = (1.0, abs(error), row.tp, row.fp, row.fn, error)
    return found


def _both(before: np.ndarray, after: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for name, metric in (("MAE", _mae), ("F1", _f1)):
        yield name, metric(before), metric(after)


def _mae(sums: np.ndarray) -> np.ndarray:
    return sums[..., 1] / sums[..., 0]


def _f1(sums: np.ndarray) -> np.ndarray:
    tp, fp, fn = np.moveaxis(sums[..., 2:5], -1, 0)
    return 2 * tp / np.maximum(2 * tp + fp + fn, 1)


def _holds_zero(values: np.ndarray) -> bool:
    """False also of NaN: one image says nothing about noise."""
    low, high = np.percentile(values, (2.5, 97.5))
    return bool(low <= 0 <= high)
