"""Anybody's images with a table of points: images/*.tif and dots.csv with the columns image, y, x (3D: z too)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from dotbench.cards.dataset import DatasetCard
from dotbench.cards.load import options_of
from dotbench.data.images import read_image
from dotbench.data.own_files import (
    FolderOptions,
    Row,
    as_channels,
    images_by_id,
    named_image,
    read_groups,
    read_rows,
)
from dotbench.data.record import ImageRecord, Loader
from dotbench.errors import UserError


class Options(FolderOptions):
    dots: str = "dots.csv"
    """the table of points, below the source's path; a line with an image and no coordinates: the image has no cells"""
    first_pixel: Literal[0, 1] = 0
    """coordinate of the centre of the first pixel: 0 (ImageJ, Python, napari) or 1 (MATLAB)"""
    without_dots: Literal["unlabelled", "empty"] = "unlabelled"
    """what an image means that the table does not name: nobody annotated it, or it has no cells"""


Points = list[tuple[tuple[float, ...], str]]


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    options = options_of(card, Options)
    images = images_by_id(raw / options.images)
    groups = read_groups(options.groups and raw / options.groups, images)
    points = _points(raw / options.dots, card.ndim, images, options)
    for name, path in images.items():
        yield partial(_one, name, path, points.get(name), groups.get(name), options, card.ndim)


def _one(
    name: str, path: Path, points: Points | None, group: str | None, options: Options, ndim: int
) -> ImageRecord:
    image = as_channels(read_image(path, ndim), options.channels, ndim, path)
    if points is None:
        labelled = options.without_dots == "empty"
        note = (
            "no cells, as the table of points does not name it"
            if labelled
            else "not in the table of points: unlabelled"
        )
        return ImageRecord(
            name, image, np.empty(0), group=group, labelled=labelled, origin=path, notes=(note,)
        )
    dots = np.array([point for point, _ in points], float) - options.first_pixel
    return ImageRecord(
        name, image, dots, group=group, origin=path, dot_origins=[where for _, where in points]
    )


def _points(file: Path, ndim: int, images: dict[str, Path], options: Options) -> dict[str, Points]:
    axes = ("z", "y", "x")[-ndim:]
    found: dict[str, Points] = {}
    for row in read_rows(file, ("image", *axes)):
        points = found.setdefault(named_image(row, images), [])
        if any(row.values[axis] for axis in axes):
            points.append((tuple(_number(row, axis) for axis in axes), row.where))
    return found


def _number(row: Row, axis: str) -> float:
    try:
        value = float(row.values[axis])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(
            f"{axis} is {row.values[axis]!r}",
            where=row.where,
            allowed="a number, with a decimal point",
            next="mend the line; one with an image only says that it has no cells",
        )
    return value
