"""How the intensities of an image are shown to a network: the same in training and in prediction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from dotbench.cards.method import Input
from dotbench.errors import UserError

BLOCK = 2**22
"""voxels looked at together, so that images larger than memory can be measured"""

Constants = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Intensity:
    """The card's rule together with what it needs to know of the training images."""

    input: Input
    ndim: int
    channels: int
    """that the network sees"""
    mean: tuple[float, ...] | None = None
    sd: tuple[float, ...] | None = None

    @classmethod
    def of(cls, input: Input, ndim: int, images: Iterable[tuple[str, np.ndarray]]) -> Intensity:
        """Measured on the training images, given as (id, image)."""
        images = list(images)
        if input.channels == "grey":
            channels = 1
        else:
            channels = images[0][1].shape[-1] if images[0][1].ndim > ndim else 1
        rule = cls(input, ndim, channels)
        if input.normalise != "dataset":
            return rule
        sums = sum(rule._moments(image, id) for id, image in images)
        mean, sd = _mean_sd(sums, 0.0)
        return cls(input, ndim, channels, tuple(mean.tolist()), tuple(sd.tolist()))

    def constants(self, image: np.ndarray, where: object = None) -> Constants:
        """What is subtracted from this image and what it is divided by, per channel; refuses broken images."""
        if self.input.normalise in ("image", "patch"):
            # A crop is standardised by its own moments in training; a whole image is its own crop.
            shift = self._block(image, (slice(0, 1),) * self.ndim).astype(np.float64).reshape(-1)
            return _mean_sd(self._moments(image, where, shift), shift)
        if self.input.normalise == "dataset":
            self._check(image, where)
            return np.array(self.mean), np.array(self.sd)
        self._check(image, where)
        whole = (
            np.iinfo(image.dtype).max if self.input.normalise == "unit" and image.dtype.kind in "ui" else 1
        )
        return np.zeros(self.channels), np.full(self.channels, float(whole))

    def apply(self, image: np.ndarray, region: tuple[slice, ...], constants: Constants) -> np.ndarray:
        """A region as the network sees it: (*space, channels), float32."""
        mean, sd = constants
        return ((self._block(image, region) - mean.astype(np.float32)) / sd.astype(np.float32)).astype(
            np.float32
        )

    def _check(self, image: np.ndarray, where: object) -> None:
        shape = image.shape[self.ndim :]
        if image.ndim not in (self.ndim, self.ndim + 1) or 0 in image.shape:
            raise UserError(
                f"an image of shape {image.shape} where a {self.ndim}D image is expected",
                where=where,
                next="look at the image in the dataset's folder; `ndim` in the dataset's card must fit it",
            )
        if self.input.channels == "all" and (shape[0] if shape else 1) != self.channels:
            raise UserError(
                f"an image of {shape[0] if shape else 1} channels for a network that learned on {self.channels}",
                where=where,
                next="`input: {channels: grey}` in the method's card accepts any number of channels",
            )

    def _block(self, image: np.ndarray, region: tuple[slice, ...]) -> np.ndarray:
        block = np.asarray(image[region], dtype=np.float32)
        if block.ndim == self.ndim:
            return block[..., None]
        return block.mean(axis=-1, keepdims=True) if self.input.channels == "grey" else block

    def _moments(self, image: np.ndarray, where: object, shift: np.ndarray | float = 0.0) -> np.ndarray:
        self._check(image, where)
        sums = np.zeros((3, self.channels))
        for region in _slabs(image.shape[: self.ndim]):
            # float64 and a shift to the image's own level: sums of squares lose small deviations otherwise.
            block = self._block(image, region).astype(np.float64).reshape(-1, self.channels) - shift
            sums += [np.full(self.channels, len(block)), block.sum(0), (block**2).sum(0)]
        if not np.isfinite(sums).all():
            raise UserError(
                "the image has NaN or infinite values",
                where=where,
                next="replace them (0, or the median of the neighbours) in the source image and prepare it again",
            )
        return sums


def _mean_sd(sums: np.ndarray, shift: np.ndarray | float) -> Constants:
    number, total, squares = sums
    mean = total / number
    sd = np.sqrt(np.maximum(squares / number - mean**2, 0))
    # A constant image becomes all zeros, not a division by zero.
    sd = np.where(sd > 1e-7 * np.maximum(np.abs(mean + shift), 1e-7), sd, 1.0)
    return mean + shift, sd


def _slabs(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    rows = max(1, BLOCK // int(np.prod(shape[1:], initial=1)))
    for start in range(0, shape[0], rows):
        yield (slice(start, start + rows),)
