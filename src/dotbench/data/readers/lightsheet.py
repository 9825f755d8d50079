"""NuMorph's cortical nuclei: NIfTI volumes i<patch><set>_*.nii with traced nuclei in c<patch><set>_*.nii, or f* with l*."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from dotbench.cards.base import Part
from dotbench.cards.dataset import DatasetCard
from dotbench.cards.load import options_of
from dotbench.data.images import NIFTI, TIFF, read_image
from dotbench.data.readers import is_image, stem
from dotbench.data.readers.masks import as_labels, separate
from dotbench.data.record import ImageRecord, Loader, by_number, image_id
from dotbench.errors import UserError

# How NuMorph's scripts name a volume and its labels: i with c for training, f with l for validation.
LABELS = {"i": "c", "f": "l"}


class Options(Part):
    part: str = "075"
    """which resolution: volumes are taken from folders of this name where there are any (075: 0.75 um, 121: 1.21 um)"""


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    part = options_of(card, Options).part
    files = [
        path for path in raw.rglob("*") if is_image(path) and path.name.lower().endswith((*NIFTI, *TIFF))
    ]
    chosen = [path for path in files if part in path.relative_to(raw).parts] or files
    volumes = [path for path in chosen if path.name[0].lower() in LABELS]
    if not volumes:
        raise UserError(
            "no volumes of NuMorph's names",
            where=raw,
            allowed="i0201_*.nii with c0201_*.nii, f0201_*.nii with l0201_*.nii, or the same as .tif",
            next="unpack 3DNucleiTracingData.zip there",
        )
    for path in sorted(volumes, key=lambda path: (_subset(path, raw) != "train", by_number(path.name))):
        yield partial(_one, path, _labels(path, chosen), _subset(path, raw))


def _one(path: Path, labels: Path | None, subset: str) -> ImageRecord:
    number = _key(path)
    # 0201 is patch 02 of image set 01: patches of one set come from one brain.
    group = f"set_{number[2:4]}" if len(number) >= 4 and number[:4].isdigit() else None
    name = f"{subset}_{image_id(stem(path))}"
    if labels is None:
        return ImageRecord(name, read_image(path, 3), group=group, labelled=False, origin=path)
    mask, notes = as_labels(read_image(labels, 3), 3, labels), ()
    if mask.any() and np.unique(mask).size == 2:
        mask, notes = separate(mask), ("black-and-white labels: what does not touch is a nucleus",)
    return ImageRecord(name, read_image(path, 3), mask=mask, group=group, origin=path, notes=notes)


def _labels(path: Path, files: list[Path]) -> Path | None:
    """The file with the same number and the other letter, in the same folder first."""
    letter = LABELS[path.name[0].lower()]
    fitting = [file for file in files if file.name[0].lower() == letter and _key(file) == _key(path)]
    return min(fitting, key=lambda file: file.parent != path.parent, default=None)


def _key(path: Path) -> str:
    return stem(path)[1:].split("_")[0]


def _subset(path: Path, raw: Path) -> str:
    """NuMorph keeps test volumes in a folder `validation`."""
    folders = " ".join(path.relative_to(raw).parts[:-1]).lower()
    return "test" if "valid" in folders or "test" in folders or "eval" in folders else "train"
