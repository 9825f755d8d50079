"""MBM bone marrow as in the countception repository: MBM_data/BM_GRAZ_HE_<person>_<field>_<tile>.png, ..._dots_<tile>.png."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from dotbench.cards.base import Part
from dotbench.cards.dataset import DatasetCard
from dotbench.cards.load import options_of
from dotbench.data.dot_images import read_dot_image
from dotbench.data.images import read_image
from dotbench.data.readers import find
from dotbench.data.record import ImageRecord, Loader


class Options(Part):
    group: Literal["person", "field"] = "person"
    """what the grouped protocol keeps together: all tiles of a person, or of one of the person's fields"""


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    options = options_of(card, Options)
    for path in find(raw, "MBM_data/BM_GRAZ_HE_????_??_???.png"):
        yield partial(_one, path, options)


def _one(path: Path, options: Options) -> ImageRecord:
    image = read_image(path)
    *_, person, field, tile = path.stem.split("_")
    dots = path.with_name(f"{path.stem.removesuffix(tile)}dots_{tile}.png")
    group = person if options.group == "person" else f"{person}_{field}"
    return ImageRecord(
        path.stem, image, read_dot_image(dots, image), group=f"{options.group}_{group}", origin=path
    )
