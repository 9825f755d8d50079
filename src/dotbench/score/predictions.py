"""Reading what a method left behind, and saying what is wrong with it: that must cost its own trial and no other."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dotbench.errors import UserError
from dotbench.failure import COUNTS, DOTS, Failure
from dotbench.records import STATUSES, read_csv, read_json


def read_run(folder: Path) -> dict:
    """run.json; one that is missing or broken is an outcome like any other."""
    file = folder / "run.json"
    try:
        run = read_json(file)
    except FileNotFoundError:
        return {"status": "not_run", "reason": f"{file} is missing: the method has not run, or was killed"}
    except (UserError, UnicodeDecodeError) as problem:
        return {"status": "error", "reason": f"{file} cannot be read: {problem}"}
    if not isinstance(run, dict) or run.get("status") not in STATUSES:
        return {"status": "error", "reason": f"{file} has no status of {', '.join(STATUSES)}"}
    return run


def read_counts(file: Path, expected: Sequence[str]) -> dict[str, float]:
    """One count for each of the expected images or patches."""
    counts: dict[str, float] = {}
    known = set(expected)
    for where, row in _rows(file, COUNTS):
        image = row["image"]
        if image not in known:
            raise Failure("error", f"{where}: a count of {image}, which is not in the test set")
        if image in counts:
            raise Failure("error", f"{where}: a second count of {image}")
        counts[image] = _number(row["count"], f"{where}: the count of {image}")
        if counts[image] < 0:
            raise Failure("error", f"{where}: the count of {image} is {row['count']}, less than nothing")
    if missing := [image for image in expected if image not in counts]:
        raise Failure("error", f"{file}: no count of {len(missing)} test images, such as {missing[0]}")
    return counts


def read_dots(file: Path, expected: Sequence[str], ndim: int) -> dict[str, np.ndarray]:
    """(k, ndim) dots of each of the expected images or patches; not every one needs to have some."""
    axes = ("z", "y", "x")[-ndim:]
    found: dict[str, list[list[float]]] = {image: [] for image in expected}
    for where, row in _rows(file, DOTS):
        image = row["image"]
        if image not in found:
            raise Failure("error", f"{where}: a dot in {image}, which is not in the test set")
        found[image].append([_number(row[axis], f"{where}: {axis} of a dot in {image}") for axis in axes])
    return {image: np.array(points, float).reshape(-1, ndim) for image, points in found.items()}


def _rows(file: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row with the place it stands at."""
    try:
        rows = read_csv(file)
    except FileNotFoundError:
        raise Failure("error", f"{file} is missing: every method owes it") from None
    except (UnicodeDecodeError, csv.Error) as problem:
        raise Failure("error", f"{file} is not a CSV file: {problem}") from problem
    if rows and not {*columns} <= rows[0].keys():
        raise Failure("error", f"{file}: its columns are not {','.join(columns)}")
    for line, row in enumerate(rows, start=2):
        yield f"{file}:{line}", row


def _number(text: str | None, what: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Failure("error", f"{what} is {text!r}, not a number")
    return value
