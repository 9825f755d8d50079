"""Dense SIFT words: every pixel says which of a few hundred kinds of neighbourhood it is in (Lempitsky 2010)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from pydantic import Field, PositiveInt
from scipy import ndimage

from dotbench.cards.base import Part
from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.classical.density import truth
from dotbench.classical.foreground import grey
from dotbench.data.dataset import Sample

# SIFT as Lowe defined it: 4 x 4 cells of 8 directions; no number of a unit descriptor above 0.2.
CELLS, DIRECTIONS, CLIP = 4, 8, 0.2
# In cells; as VLFeat, whose dense SIFT the method used.
WINDOW = 2.0
# Pixels described at once, so that large images need no more memory than small ones.
CHUNK = 2**16
ROUNDS = 20
# Against division by zero.
TINY = 1e-10


class WordOptions(Part):
    """What a word is."""

    words: PositiveInt = 256
    """how many there are; fewer if the training images have fewer pixels"""
    bin: PositiveInt = 3
    """pixels along each side of a descriptor's 4 x 4 cells"""
    samples: PositiveInt = 50_000
    """pixels of the training images that the words are learnt from"""
    on_cells: float = Field(0.5, ge=0, le=1)
    """share of them drawn from where cells are; the others come from everywhere"""
    dim: float = Field(0.0, ge=0)
    """gradients this weak, against the mean of the pixels that the words are learnt from, give descriptors of half the
    length; 0: SIFT as it is, which does not see how strong a gradient is"""


@dataclass(frozen=True)
class Gradients:
    """How strong the gradient is in each direction, summed over a cell round each pixel."""

    cells: np.ndarray
    """(pixels of the padded image, directions)"""
    shape: tuple[int, int]
    margin: int
    bin: int

    @classmethod
    def of(cls, image: np.ndarray, bin: int, where: object = None) -> Gradients:
        values = grey(image, 2, where)
        # Half a descriptor and what its cells and the gradient reach: pixels at the border get words as all others.
        margin = 3 * bin + 2
        y, x = np.gradient(np.pad(values, margin, mode="symmetric"))
        strength = np.hypot(y, x)
        place = np.arctan2(y, x) * (DIRECTIONS / (2 * np.pi))
        low = np.floor(place)
        share = place - low
        low = low.astype(np.intp) % DIRECTIONS
        maps = np.zeros((DIRECTIONS, *strength.shape), np.float32)
        for direction in range(DIRECTIONS):
            maps[direction] = strength * np.where(low == direction, 1 - share, 0)
            maps[direction] += strength * np.where((low + 1) % DIRECTIONS == direction, share, 0)
        triangle = 1 - np.abs(np.arange(1 - bin, bin)) / bin
        for axis in (1, 2):
            maps = ndimage.convolve1d(maps, triangle, axis)
        cells = np.ascontiguousarray(np.moveaxis(maps, 0, -1)).reshape(-1, DIRECTIONS)
        return cls(cells, values.shape, margin, bin)

    def describe(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """SIFT descriptors (k, 128) of pixels, given by their number in the image; and how strong their gradients are, (k, 1)."""
        stride = self.shape[1] + 2 * self.margin
        y, x = np.divmod(pixels, self.shape[1])
        centre = (y + self.margin) * stride + x + self.margin
        steps = np.arange(CELLS) - (CELLS - 1) / 2
        shift, weight = np.floor(self.bin * steps + 0.5).astype(int), np.exp(-0.5 * (steps / WINDOW) ** 2)
        found = np.empty((len(pixels), CELLS, CELLS, DIRECTIONS), np.float32)
        for row, column in np.ndindex(CELLS, CELLS):
            cell = self.cells.take(centre + shift[row] * stride + shift[column], axis=0)
            np.multiply(cell, np.float32(weight[row] * weight[column]), out=found[:, row, column])
        vectors, strength = _unit(found.reshape(len(pixels), -1))
        return _unit(np.minimum(vectors, CLIP))[0], strength


def learn_words(samples: list[Sample], options: WordOptions, sigma: float, info: DatasetCard) -> Model:
    """The words (k, 128), by k-means over pixels of all training images, and what a weak gradient is."""
    from scipy.cluster.vq import kmeans2

    rng = np.random.default_rng(0)
    each = max(1, options.samples // len(samples))
    seen = []
    for sample in samples:
        gradients = Gradients.of(sample.image, options.bin, sample.id)
        chance = np.full(gradients.shape, 1 / np.prod(gradients.shape))
        cells = truth(sample, sigma, info)
        if cells.any():
            chance = (1 - options.on_cells) * chance + options.on_cells * cells / cells.sum(dtype=np.float64)
        number = min(each, chance.size)
        pixels = rng.choice(chance.size, number, replace=False, p=chance.ravel() / chance.sum())
        seen.append(gradients.describe(np.sort(pixels)))
    vectors, strength = (np.concatenate(part) for part in zip(*seen, strict=True))
    weak = options.dim * strength.mean()
    seen = vectors * _dimmed(strength, weak)
    with warnings.catch_warnings():
        # Images without noise have fewer kinds of pixels than words: some words then stay unused.
        warnings.filterwarnings("ignore", message="One of the clusters is empty")
        words = kmeans2(seen, min(options.words, len(seen)), ROUNDS, minit="points", rng=rng)[0]
    return {"words": words, "weak": np.array(weak)}


def words_of(sample: Sample, model: Model, bin: int) -> np.ndarray:
    """The word of each pixel; outside of the annotated region a number that no word has: how many there are."""
    from scipy.cluster.vq import vq

    gradients = Gradients.of(sample.image, bin, sample.id)
    size = int(np.prod(gradients.shape))
    found = np.empty(size, np.intp)
    for start in range(0, size, CHUNK):
        pixels = np.arange(start, min(start + CHUNK, size))
        vectors, strength = gradients.describe(pixels)
        found[pixels] = vq(vectors * _dimmed(strength, model["weak"]), model["words"], check_finite=False)[0]
    found = found.reshape(gradients.shape)
    if sample.roi is not None:
        found[np.asarray(sample.roi) == 0] = len(model["words"])
    return found


def histogram(found: np.ndarray, words: int) -> np.ndarray:
    """How many pixels have each word."""
    return np.bincount(found.ravel(), minlength=words + 1)[:words].astype(float)


def _dimmed(strength: np.ndarray, weak: np.ndarray | float) -> np.ndarray:
    """The length of descriptors, from 0 to 1."""
    return (strength / np.maximum(strength + weak, TINY)).astype(np.float32)


def _unit(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of length 1, and their lengths before."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(length, TINY), length
