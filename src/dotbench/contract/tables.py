"""counts.csv, dots.csv, per_image.csv and history.csv: their columns, and the only code that reads and writes them.

What is wrong with a file that a method left costs its own trial and no other: readers raise Failure.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from dotbench.contract.prediction import Prediction
from dotbench.contract.status import Failure
from dotbench.files import read_csv, write_csv

COUNTS_FILE, DOTS_FILE = "counts.csv", "dots.csv"
PER_IMAGE_FILE, HISTORY_FILE = "per_image.csv", "history.csv"
COUNTS = ("image", "count")
DOTS = ("image", "z", "y", "x", "score")


# Counts and dots: what every method owes.


def write_counts(folder: Path, counts: Mapping[str, float]) -> None:
    rows = ({"image": image, "count": float(count)} for image, count in counts.items())
    write_csv(Path(folder, COUNTS_FILE), COUNTS, rows)


def read_counts(folder: Path, expected: Sequence[str] | None = None) -> dict[str, float]:
    """One count for each of the expected images or patches; all there are where none are named."""
    file = Path(folder, COUNTS_FILE)
    counts: dict[str, float] = {}
    known = None if expected is None else set(expected)
    for where, row in _rows(file, COUNTS):
        image = row["image"]
        if known is not None and image not in known:
            raise Failure("error", f"{where}: a count of {image}, which is not in the test set")
        if image in counts:
            raise Failure("error", f"{where}: a second count of {image}")
        counts[image] = _number(row["count"], f"{where}: the count of {image}")
        if counts[image] < 0:
            raise Failure("error", f"{where}: the count of {image} is {row['count']}, less than nothing")
    if missing := [image for image in expected or () if image not in counts]:
        raise Failure("error", f"{file}: no count of {len(missing)} test images, such as {missing[0]}")
    return counts


def write_dots(folder: Path, found: Mapping[str, Prediction]) -> None:
    rows = (row for image, one in found.items() for row in _dot_rows(image, one))
    write_csv(Path(folder, DOTS_FILE), DOTS, rows)


def read_dots(folder: Path, expected: Sequence[str], ndim: int) -> dict[str, np.ndarray]:
    """(k, ndim) dots of each of the expected images or patches; not every one needs to have some."""
    axes = ("z", "y", "x")[-ndim:]
    found: dict[str, list[list[float]]] = {image: [] for image in expected}
    for where, row in _rows(Path(folder, DOTS_FILE), DOTS):
        image = row["image"]
        if image not in found:
            raise Failure("error", f"{where}: a dot in {image}, which is not in the test set")
        found[image].append([_number(row[axis], f"{where}: {axis} of a dot in {image}") for axis in axes])
    return {image: np.array(points, float).reshape(-1, ndim) for image, points in found.items()}


def dots_of(folder: Path, image: str, ndim: int) -> np.ndarray:
    """(k, ndim) dots of one image or patch."""
    rows = [row for _, row in _rows(Path(folder, DOTS_FILE), DOTS) if row["image"] == image]
    axes = ("z", "y", "x")[-ndim:]
    points = [[_number(row[axis], f"{axis} of a dot in {image}") for axis in axes] for row in rows]
    return np.array(points, float).reshape(-1, ndim)


def _dot_rows(image: str, found: Prediction) -> Iterator[dict[str, object]]:
    scores = found.scores if len(found.scores) else np.ones(len(found.dots))
    for dot, score in zip(np.asarray(found.dots, float), scores, strict=True):
        # No method knows a place to a thousandth of a pixel, or a score to five digits: all digits would be half of the file.
        z, y, x = (*[0.0] * (3 - len(dot)), *dot.round(3).tolist())
        yield {"image": image, "z": z, "y": y, "x": x, "score": float(f"{score:.5g}")}


# per_image.csv: what the scores are made of.


@dataclass(frozen=True)
class ImageScore:
    """One unit of the test set, an image or a patch of one."""

    image: str
    true: float
    predicted: float
    detected: float
    tp: float
    fp: float
    fn: float
    game1: float = math.nan
    game2: float = math.nan
    game3: float = math.nan


PER_IMAGE = tuple(field.name for field in fields(ImageScore))


def write_per_image(folder: Path, scores: Iterable[ImageScore]) -> None:
    write_csv(Path(folder, PER_IMAGE_FILE), PER_IMAGE, map(asdict, scores))


def read_per_image(folder: Path) -> list[ImageScore]:
    rows = _rows(Path(folder, PER_IMAGE_FILE), PER_IMAGE[:7])
    return [
        ImageScore(
            row["image"], *(_number(row.get(name) or "nan", where, nan=True) for name in PER_IMAGE[1:])
        )
        for where, row in rows
    ]


# history.csv: how a training went.


@dataclass(frozen=True)
class HistoryRow:
    step: int
    lr: float | None
    loss: float | None
    validation_mae: float | None
    seconds: float | None


HISTORY = tuple(field.name for field in fields(HistoryRow))


def write_history(folder: Path, rows: Iterable[HistoryRow] = ()) -> None:
    write_csv(Path(folder, HISTORY_FILE), HISTORY, map(asdict, rows))


def read_history(folder: Path) -> list[HistoryRow]:
    return [
        HistoryRow(*(None if not row.get(name) else _number(row[name], where, nan=True) for name in HISTORY))
        for where, row in _rows(Path(folder, HISTORY_FILE), ("step",))
    ]


def _rows(file: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row with the place it stands at."""
    try:
        rows = read_csv(file)
    except FileNotFoundError:
        raise Failure("error", f"{file} is missing: every method owes it") from None
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise Failure("error", f"{file} is not a CSV file: {problem}") from problem
    if rows and not {*columns} <= rows[0].keys():
        raise Failure("error", f"{file}: its columns are not {','.join(columns)}")
    for line, row in enumerate(rows, start=2):
        yield f"{file}:{line}", row


def _number(text: str | None, what: str, nan: bool = False) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.inf
    if not (math.isfinite(value) or (nan and math.isnan(value))):
        raise Failure("error", f"{what} is {text!r}, not a number")
    return value
