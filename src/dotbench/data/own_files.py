"""What the readers of anybody's own folders share: which images, which channels, which groups."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import NonNegativeInt

from dotbench.cards.base import Part
from dotbench.data.images import slabs
from dotbench.data.readers import find_images, stem
from dotbench.data.record import image_id
from dotbench.errors import UserError, unknown


class FolderOptions(Part):
    images: str = "images"
    """folder with the images, below the source's path; `.` for that folder itself"""
    channels: Literal["keep", "grey"] | NonNegativeInt = "keep"
    """of colour images: keep all, mix them to grey, or take one (0: the first, red)"""
    groups: str | None = None
    """table with the columns image, group (patient, plate, ...) for the grouped protocol; null: every image on its own"""


def images_by_id(folder: Path) -> dict[str, Path]:
    """The images of a folder by their ids, 2 before 10."""
    images: dict[str, Path] = {}
    for path in find_images(folder):
        name = image_id(stem(path))
        if name in images:
            raise UserError(
                f"{images[name].name} and {path.name} have the same id, {name}",
                where=folder,
                next="rename one of the two",
            )
        images[name] = path
    return images


@dataclass(frozen=True)
class Row:
    """A line of a table, and where it stands."""

    values: dict[str, str]
    where: str


def as_channels(image: np.ndarray, channels: str | int, ndim: int, where: Path) -> np.ndarray:
    """The channels that are asked for, of an image that has any."""
    if channels == "keep" or image.ndim != ndim + 1:
        return image
    if channels == "grey":
        if image.shape[-1] < 3:
            return image[..., 0]
        # The weights by which the eye sees red, green and blue; rounding keeps whole numbers whole.
        mixed = np.empty(image.shape[:-1], image.dtype)
        start = 0
        for colours in slabs(image):
            exact = colours[..., :3] @ np.array([0.299, 0.587, 0.114])
            mixed[start : start + len(colours)] = np.rint(exact) if image.dtype.kind in "ui" else exact
            start += len(colours)
        return mixed
    if channels >= image.shape[-1]:
        raise UserError(
            f"channel {channels} of an image with {image.shape[-1]}",
            where=where,
            allowed=f"0 to {image.shape[-1] - 1}",
            next="mend `options: channels:` in the card",
        )
    return image[..., channels]


def read_rows(file: Path, needed: tuple[str, ...]) -> Iterator[Row]:
    """The lines of a table separated by comma, semicolon or tab; column names in any case."""
    try:
        # Spreadsheets write a byte-order mark.
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(
            f"cannot read the table: {problem}",
            where=file,
            next="save it there as CSV (UTF-8), or mend `options:` of the card",
        ) from problem
    lines = text.splitlines()
    header = lines[0] if lines else ""
    rows = csv.reader(lines, delimiter=max(",;\t", key=header.count))
    names = [name.strip().lower() for name in next(rows, [])]
    absent = [name for name in needed if name not in names]
    if absent:
        raise UserError(
            f"no column {', '.join(absent)}",
            where=f"{file}:1",
            allowed=f"the columns {', '.join(needed)}; found: {', '.join(names) or 'none'}",
        )
    for line, row in enumerate(rows, start=2):
        if any(trial.strip() for trial in row):
            values = dict(zip(names, (trial.strip() for trial in row), strict=False))
            if any(name not in values for name in needed):
                raise UserError(
                    f"too few values: {','.join(row)}", where=f"{file}:{line}", allowed=", ".join(needed)
                )
            yield Row(values, f"{file}:{line}")


def named_image(row: Row, known: dict[str, Path]) -> str:
    """The id of the image that a line names, with or without suffix or folder."""
    given = row.values["image"]
    name = Path(given.replace("\\", "/"))
    for candidate in (image_id(name.name), image_id(stem(name))):
        if candidate in known:
            return candidate
    raise unknown(
        "image",
        given,
        (path.name for path in known.values()),
        where=row.where,
        next="mend the name, or add the image",
    )


def read_groups(file: Path | None, known: dict[str, Path]) -> dict[str, str]:
    if file is None:
        return {}
    return {
        named_image(row, known): image_id(row.values["group"]) for row in read_rows(file, ("image", "group"))
    }
