"""BBBC050 mouse embryos as in the QCANet reproduction: data/Images/<set>/Images/Emb01_t351.tif, masks under GroundTruth."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from dotbench.cards.dataset import DatasetCard
from dotbench.data.images import read_image
from dotbench.data.readers import find
from dotbench.data.record import ImageRecord, Loader


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    # Embryo 1 of the test set is another one than embryo 01 of the training set, so the set is part of every name.
    for subset in ("train", "test"):
        for path in find(raw, f"data/Images/{subset}/Images/Emb*.tif"):
            masks = raw / "data" / "GroundTruth" / subset / "GroundTruth_QCANet"
            yield partial(_one, path, masks / path.name, subset)


def _one(path: Path, mask: Path, subset: str) -> ImageRecord:
    name = f"{subset}_{path.stem.lower()}"
    embryo, _ = name.rsplit("_", 1)
    return ImageRecord(name, read_image(path, 3), mask=read_image(mask, 3), group=embryo, origin=path)
