"""Data Science Bowl 2018: stage1_train/<id>/images/<id>.png and one PNG a nucleus in stage1_train/<id>/masks/."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from dotbench.cards.dataset import DatasetCard
from dotbench.data.images import read_image
from dotbench.data.readers import find
from dotbench.data.record import ImageRecord, Loader
from dotbench.errors import UserError

# The first digits of the 64 tell all images apart, and fit into tables and figures.
DIGITS = 8


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    for path in find(raw, "stage1_train/*/images/*.png"):
        yield partial(_one, path)


def _one(path: Path) -> ImageRecord:
    image = read_image(path)
    notes: tuple[str, ...] = ("equal colour channels and alpha dropped",)
    if not (image[..., 0] == image[..., 1]).all() or not (image[..., 0] == image[..., 2]).all():
        raise UserError(
            "a stained image among the fluorescence images",
            where=path,
            next="use the files of the card's table",
        )
    mask, hidden = _merge([read_image(file) > 0 for file in find(path.parents[1], "masks/*.png")])
    if hidden:
        notes += (f"nuclei overlap in {hidden} pixels; the smaller one is on top",)
    return ImageRecord(f"dsb_{path.stem[:DIGITS]}", image[..., 0], mask=mask, origin=path, notes=notes)


def _merge(nuclei: list[np.ndarray]) -> tuple[np.ndarray, int]:
    """One label image of single masks, the large ones first so that no small one disappears under it."""
    labels = np.zeros(nuclei[0].shape, np.uint16)
    nuclei = sorted(nuclei, key=np.count_nonzero, reverse=True)
    for number, nucleus in enumerate(nuclei, start=1):
        labels[nucleus] = number
    return labels, int(sum(map(np.count_nonzero, nuclei)) - np.count_nonzero(labels))
