"""A prepared dataset: its images, dots, masks and facts, read only when looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dotbench.data.images import open_image
from dotbench.errors import UserError, unknown
from dotbench.files import read_csv, read_json

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Sample:
    """One image, or a patch of one, as a method sees it."""

    id: str
    """of the image; "image#y0,x0" for a patch"""
    image: np.ndarray
    """as stored: YX, YXC or ZYX; mapped, so changing it needs a copy"""
    dots: np.ndarray | None = None
    """(k, ndim), (z,)y,x; None: the method may not see them, or nobody annotated the image"""
    mask: np.ndarray | None = None
    """instance labels, where the dataset has them and the method may see the dots"""
    roi: np.ndarray | None = None
    """non-zero where cells were annotated; None: everywhere"""


class Dataset:
    """The canonical form on disk, see `dotbench.data.prepare`."""

    def __init__(self, folder: Path, info: dict):
        self.folder, self.info = folder, info

    @classmethod
    def open(cls, folder: Path | str) -> Dataset:
        folder = Path(folder)
        if not (folder / "dataset.json").is_file():
            raise UserError(
                f"no prepared dataset {folder.name}",
                where=folder,
                next=f"prepare it: snakemake {folder / 'dataset.json'}",
            )
        return cls(folder, read_json(folder / "dataset.json"))

    @cached_property
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["image"]: row for row in read_csv(self.folder / "images.csv")}

    @cached_property
    def _dots(self) -> dict[str, np.ndarray]:
        axes = ("z", "y", "x")[-self.ndim :]
        found: dict[str, list[list[float]]] = {id: [] for id in self.ids}
        for row in read_csv(self.folder / "dots.csv"):
            found[row["image"]].append([float(row[axis]) for axis in axes])
        return {id: np.array(points, float).reshape(-1, self.ndim) for id, points in found.items()}

    @cached_property
    def images(self) -> pd.DataFrame:
        """images.csv, indexed by image: group, depth, height, width, dots, labelled."""
        import pandas as pd

        table = pd.read_csv(
            self.folder / "images.csv", dtype={"image": str, "group": str}, keep_default_na=False
        )
        return table.set_index("image")

    @property
    def ids(self) -> list[str]:
        """In the order of the publication."""
        return list(self._rows)

    @property
    def ndim(self) -> int:
        return self.info["ndim"]

    @property
    def groups(self) -> dict[str, str]:
        return {id: row["group"] for id, row in self._rows.items()}

    @property
    def labelled(self) -> list[str]:
        return [id for id, row in self._rows.items() if row["labelled"] == "True"]

    def shape(self, id: str) -> tuple[int, ...]:
        """Without channels."""
        row = self._row(id)
        return tuple(int(row[axis]) for axis in ("depth", "height", "width")[-self.ndim :])

    def image(self, id: str) -> np.ndarray:
        self._row(id)
        return open_image(self.folder / "images" / f"{id}.tif")

    def dots(self, id: str) -> np.ndarray | None:
        """(k, ndim); None for an image that nobody annotated."""
        return self._dots[id] if self._row(id)["labelled"] == "True" else None

    def mask(self, id: str) -> np.ndarray | None:
        return self._region("masks", id)

    def roi(self, id: str) -> np.ndarray | None:
        return self._region("roi", id)

    def sample(self, id: str, with_dots: bool = True) -> Sample:
        """Without dots there is no mask either: it would give them away."""
        dots, mask = (self.dots(id), self.mask(id)) if with_dots else (None, None)
        return Sample(id, self.image(id), dots, mask, self.roi(id))

    def samples(
        self, ids: Iterable[str], with_dots: bool = True, patch: tuple[int, ...] | None = None
    ) -> list[Sample]:
        """Whole images, or all their patches where the protocol cuts them (`Split.patch`)."""
        whole = [self.sample(id, with_dots) for id in ids]
        return whole if patch is None else [piece for sample in whole for piece in cut(sample, patch)]

    def _row(self, id: str) -> dict[str, str]:
        if id not in self._rows:
            raise unknown("image", id, self._rows, where=self.folder / "images.csv")
        return self._rows[id]

    def _region(self, kind: str, id: str) -> np.ndarray | None:
        self._row(id)
        path = self.folder / kind / f"{id}.tif"
        return open_image(path) if path.is_file() else None


def cut(sample: Sample, patch: tuple[int, ...]) -> list[Sample]:
    """All patches of an image side by side; those at its far ends may be smaller, so that every cell is in just one."""
    size = len(patch)
    shape = sample.image.shape[:size]
    patches = []
    for corner in np.ndindex(*(-(-length // step) for length, step in zip(shape, patch, strict=True))):
        low = np.array(corner) * patch
        high = np.minimum(low + patch, shape)
        where = tuple(slice(*ends) for ends in zip(low, high, strict=True))
        dots = sample.dots
        if dots is not None:
            # A patch owns the area of its pixels, half a pixel around their centres; the image's rim is closed.
            last = high == shape
            inside = (dots >= low - 0.5) & ((dots < high - 0.5) | last)
            dots = dots[inside.all(axis=1)] - low
        patches.append(
            Sample(
                f"{sample.id}#{','.join(map(str, low))}",
                sample.image[where],
                dots,
                None if sample.mask is None else sample.mask[where],
                None if sample.roi is None else sample.roi[where],
            )
        )
    return patches
