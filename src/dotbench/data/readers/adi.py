"""ADI adipose tissue as in the countception repository: adipocyte_data/images/*.jpeg, annotations/*.jpeg of equal name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from dotbench.cards.dataset import DatasetCard
from dotbench.data.dot_images import read_dot_image
from dotbench.data.images import read_image
from dotbench.data.readers import find
from dotbench.data.record import ImageRecord, Loader


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    for path in find(raw, "adipocyte_data/images/*.jpeg"):
        yield partial(_one, path)


def _one(path: Path) -> ImageRecord:
    image = read_image(path)
    dots = path.parents[1] / "annotations" / path.name
    # 0-11900_GTEX-13QJC_Adipose-Subcutaneous: place in the slide, donor, tissue.
    place, donor, _ = path.stem.split("_")
    return ImageRecord(f"{donor}_{place}", image, read_dot_image(dots, image), group=donor, origin=path)
