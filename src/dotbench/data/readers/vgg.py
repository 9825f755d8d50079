"""VGG cells as in the countception repository: cells/001cell.png (RGB, signal in the blue channel), cells/001dots.png."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from dotbench.cards.dataset import DatasetCard
from dotbench.data.dot_images import read_dot_image
from dotbench.data.images import read_image
from dotbench.data.readers import find
from dotbench.data.record import ImageRecord, Loader

BLUE = 2


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    for path in find(raw, "cells/*cell.png"):
        yield partial(_one, path)


def _one(path: Path) -> ImageRecord:
    image = np.ascontiguousarray(read_image(path)[..., BLUE])
    dots = path.with_name(path.name.replace("cell", "dots"))
    return ImageRecord(path.stem, image, read_dot_image(dots, image), origin=path)
