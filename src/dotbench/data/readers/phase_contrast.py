"""Phase-contrast images of Eckhardt's thesis with points from Label Studio: data/third/1.jpg, points2.json, data.csv."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from dotbench.cards.base import Part
from dotbench.cards.dataset import DatasetCard
from dotbench.cards.load import options_of
from dotbench.data.dots import pixels
from dotbench.data.images import read_image
from dotbench.data.readers import find
from dotbench.data.record import ImageRecord, Loader
from dotbench.errors import UserError

GREEN = 1


class Options(Part):
    annotations: str = "points2.json"
    """which export of the points"""
    label: str = "Live Cell"
    """which points are cells; the others (dead cells, debris) only say that their surroundings were looked at"""
    annotated_radius: PositiveFloat = 26
    """so far around a point, in pixels, the image counts as annotated"""
    flat_window: PositiveInt = 25
    """size in pixels of the windows in which empty background is sought"""
    flat_variation: PositiveFloat = 0.04
    """standard deviation over mean of the green channel in a window below which nothing lies there"""


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    options = options_of(card, Options)
    folder = raw / "data" / "third"
    points = _points(folder / options.annotations)
    flasks = _flasks(folder / "data.csv")
    for path in find(folder, "*.jpg"):
        yield partial(_one, path, points.get(path.stem), flasks[path.stem], options)


def _one(
    path: Path, points: list[tuple[str, float, float]] | None, flask: str, options: Options
) -> ImageRecord:
    name, image = f"image_{int(path.stem):02d}", read_image(path)
    if points is None:
        return ImageRecord(name, image, group=flask, labelled=False, origin=path)
    # Label Studio writes percent of the image from its corner; pixel centres lie half a pixel further in.
    places = np.array([(y, x) for _, y, x in points]).reshape(-1, 2) / 100 * image.shape[:2] - 0.5
    cells = np.array([label == options.label for label, _, _ in points], bool)
    roi = _looked_at(image[..., GREEN], places, options)
    return ImageRecord(name, image, places[cells], roi=roi, group=flask, origin=path)


def _looked_at(image: np.ndarray, places: np.ndarray, options: Options) -> np.ndarray:
    """Where the absence of a dot means that there is no cell: near any point, and on empty background.

    Dense clumps in which the annotator could not tell cells apart were left out, and lie in neither.
    """
    from scipy import ndimage

    far = np.ones(image.shape, bool)
    far[tuple(pixels(places).clip(0, np.array(image.shape) - 1).T)] = False
    near = ndimage.distance_transform_edt(far) <= options.annotated_radius
    values = image.astype(np.float64)
    mean = ndimage.uniform_filter(values, options.flat_window)
    variance = ndimage.uniform_filter(values**2, options.flat_window) - mean**2
    flat = variance < (options.flat_variation * mean) ** 2
    # A window that touches a cell is no longer flat, so flat ground ends half a window before the cell does.
    return near | ndimage.binary_dilation(flat, iterations=options.flat_window // 2)


def _points(file: Path) -> dict[str, list[tuple[str, float, float]]]:
    """(label, y, x) in percent, by the name of the image."""
    found = {}
    for number, task in enumerate(_tasks(file)):
        try:
            image = re.fullmatch(r".*-(\d+)\.jpg", next(iter(task["data"].values())))
            results = [result for annotation in task["annotations"] for result in annotation["result"]]
            values = [result["value"] for result in results if result["type"] == "keypointlabels"]
            found[image.group(1)] = [(value["keypointlabels"][0], value["y"], value["x"]) for value in values]
        except (KeyError, TypeError, AttributeError, IndexError, StopIteration) as problem:
            raise UserError(
                f"task {number} is not a Label Studio task with points: {problem!r}",
                where=file,
                allowed="Label Studio's JSON export of keypoints",
                next=f"export it again, or delete {file} and fetch",
            ) from problem
    return found


def _tasks(file: Path) -> list[Mapping[str, Any]]:
    try:
        return json.loads(file.read_text())
    except (OSError, json.JSONDecodeError) as problem:
        raise UserError(
            f"cannot read the points: {problem}", where=file, next=f"delete {file} and fetch again"
        ) from problem


def _flasks(file: Path) -> dict[str, str]:
    """Which flask each image shows: images of one flask are of the same cells."""
    with file.open(newline="") as lines:
        rows = csv.reader(lines, delimiter=" ", skipinitialspace=True)
        next(rows)
        return {row[0]: f"flask_{row[1]}" for row in rows if row}
