"""All training images with their maps, from which batches are cut: kept whole on the device, or streamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import torch
from torch import Tensor

from dotbench.data.dataset import Dataset
from dotbench.data.dots import pixels
from dotbench.errors import UserError
from dotbench.inference.device import Compute
from dotbench.inference.intensity import Constants, Intensity
from dotbench.training.draws import Draw

SHARE = 0.4
"""of the device's free memory that the images may take"""


@dataclass(frozen=True)
class Layout:
    """Which of a voxel's values are what."""

    image: int
    target: int
    roi: bool
    dots: bool

    @property
    def width(self) -> int:
        return self.image + self.target + self.roi + self.dots


@dataclass(frozen=True)
class Source:
    """One image as it lies on disk, mapped: nothing is read before it is needed."""

    image: np.ndarray
    constants: Constants
    target: np.ndarray | None
    roi: np.ndarray | None
    dots: np.ndarray | None


@dataclass(frozen=True)
class Boxes:
    """Voxels in one row after the other, and where in it which part of which image lies."""

    rows: Tensor
    """(voxels, values)"""
    start: np.ndarray
    """(batch,) the first row of each sample's box"""
    size: np.ndarray
    """(batch, ndim) of the box"""
    origin: np.ndarray
    """(batch, ndim) of the box in its image"""


class Pool:
    """Images of any sizes: rows of voxels, so that nothing is padded and one gather cuts a whole batch."""

    def __init__(self, sources: Sequence[Source], intensity: Intensity, compute: Compute):
        ndim = intensity.ndim
        self.sources, self.intensity, self.device = sources, intensity, compute.device
        self.sizes = np.array([source.image.shape[:ndim] for source in sources])
        first = sources[0]
        maps = 0 if first.target is None else (first.target.shape[0] if first.target.ndim > ndim else 1)
        self.layout = Layout(
            intensity.channels, maps, any(s.roi is not None for s in sources), first.dots is not None
        )
        self.starts = np.concatenate([[0], np.cumsum(self.sizes.prod(1))])
        self.resident = bool(self.starts[-1] * self.layout.width * 4 < SHARE * compute.free_bytes())
        self._rows = self._all() if self.resident else None

    def boxes(self, draw: Draw) -> Boxes:
        """The parts of the images that this draw looks at, on the device."""
        if self._rows is not None:
            return Boxes(
                self._rows, self.starts[draw.image], self.sizes[draw.image], np.zeros_like(draw.origin)
            )
        stop = np.minimum(draw.origin + draw.extent, self.sizes[draw.image])
        regions = [
            tuple(slice(a, b) for a, b in zip(*box, strict=True))
            for box in zip(draw.origin, stop, strict=True)
        ]
        parts = [self._part(self.sources[i], box) for i, box in zip(draw.image, regions, strict=True)]
        rows = torch.from_numpy(np.concatenate(parts))
        if self.device.type == "cuda":
            rows = rows.pin_memory().to(self.device, non_blocking=True)
        start = np.concatenate([[0], np.cumsum([len(part) for part in parts])[:-1]])
        return Boxes(rows, start, stop - draw.origin, draw.origin)

    def _all(self) -> Tensor:
        rows = torch.empty(int(self.starts[-1]), self.layout.width, device=self.device)
        for start, source in zip(self.starts, self.sources, strict=False):
            part = self._part(source, tuple(slice(0, n) for n in source.image.shape[: self.intensity.ndim]))
            rows[start : start + len(part)] = torch.from_numpy(part)
        return rows

    def _part(self, source: Source, box: tuple[slice, ...]) -> np.ndarray:
        image = self.intensity.apply(source.image, box, source.constants)
        space = image.shape[:-1]
        values = [image]
        if source.target is not None:
            target = np.asarray(source.target[(..., *box)], dtype=np.float32).reshape(-1, *space)
            values.append(np.moveaxis(target, 0, -1))
        if self.layout.roi:
            inside = np.ones(space) if source.roi is None else np.asarray(source.roi[box]) > 0
            values.append(inside[..., None])
        if source.dots is not None:
            values.append(_dot_map(source.dots, box, space)[..., None])
        return np.concatenate(values, axis=-1, dtype=np.float32).reshape(-1, self.layout.width)


def open_sources(
    dataset: Dataset, ids: Sequence[str], intensity: Intensity, targets: Path | None, with_dots: bool
) -> list[Source]:
    """The images of a split, ready to be cut; `targets` None: images without labels."""
    sources = []
    for id in ids:
        image = dataset.image(id)
        sources.append(
            Source(
                image,
                _stored(intensity, image, f"{dataset.info['dataset']}, image {id}"),
                None if targets is None else open_target(targets, id),
                dataset.roi(id),
                dataset.dots(id) if with_dots and targets is not None else None,
            )
        )
    return sources


def open_target(folder: Path, id: str) -> np.ndarray:
    """A target map, mapped into memory."""
    file = Path(folder, f"{id}.tif")
    try:
        return tifffile.memmap(file, mode="r")
    except (OSError, ValueError, tifffile.TiffFileError) as problem:
        raise UserError(
            f"cannot read the target map of {id}: {problem}",
            where=file,
            next=f"delete {folder} and run again: the maps will be rendered anew",
        ) from problem


def _stored(intensity: Intensity, image: np.ndarray, where: str) -> Constants:
    constants = intensity.constants(image, where)
    # Crops are standardised one by one after they are cut.
    return (constants[0] * 0, constants[1] * 0 + 1) if intensity.input.normalise == "patch" else constants


def _dot_map(dots: np.ndarray, box: tuple[slice, ...], space: tuple[int, ...]) -> np.ndarray:
    found = np.zeros(space, np.float32)
    place = pixels(dots) - [part.start for part in box]
    inside = ((place >= 0) & (place < space)).all(axis=1)
    np.add.at(found, tuple(place[inside].T), 1)
    return found
