"""A density for each word, learnt so that every box of the training images holds its number of cells: MESA density
estimation (Lempitsky 2010)."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.classical.density import DensityOptions, predicted, threshold, truth
from dotbench.classical.words import WordOptions, histogram, learn_words, words_of
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample
from dotbench.targets import downsample_sum

# The authors' demo: a box is new if it is wrong by 1 % more than those known; no more than 100 rounds.
NEW, ROUNDS = 1.01, 100
# In cells; an error smaller than this matters to nobody.
ENOUGH = 0.001
# The solver needs a strictly convex problem: so much of the price of an error is quadratic.
CURVED = 1e-3

Box = tuple[slice, slice]


class Options(WordOptions, DensityOptions):
    step: PositiveInt = 4
    """pixels between the sides that boxes may have"""
    price: PositiveFloat = 1e4
    """of an error of one cell in every image, against half the squared weights in units of the mean density"""
    factors: tuple[PositiveFloat, ...] = (0.1, 1.0, 10.0)
    """of the price, tried on the validation images"""


def fit(train: list[Sample], validation: list[Sample], options: Options, info: DatasetCard) -> Model:
    model = learn_words(train, options, options.sigma, info)
    words = len(model["words"])
    known = [words_of(sample, model, options.bin) for sample in train]
    # At the border a cell shows less of itself, and its Gaussian has as much less mass there. If all of it were inside, words
    # would need a higher density near the border, which they cannot know. What is lost comes back as a factor.
    true = [truth(sample, options.sigma, info, border="lose") for sample in train]
    kept = sum(density.sum(dtype=np.float64) for density in true)
    back = sum(len(sample.dots) for sample in train) / kept if kept else 1.0
    # On the training images the highest price always looks best.
    prices = [options.price * factor for factor in (options.factors if validation else (1.0,))]
    found = [back * solve(known, true, words, price, options.step) for price in prices]
    judges = validation or train
    seen = [words_of(sample, model, options.bin) for sample in judges] if validation else known
    counted = np.array([histogram(image, words) for image in seen])
    number = np.array([len(sample.dots) for sample in judges])
    weights = min(found, key=lambda weights: np.abs(counted @ weights - number).mean())
    level = threshold([_density(image, weights) for image in seen], judges, options, info)
    return {**model, "weights": weights, "threshold": np.array(level)}


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    density = _density(words_of(sample, model, options.bin), model["weights"])
    return predicted(density, float(model["threshold"]), options, info)


def solve(
    known: list[np.ndarray], true: list[np.ndarray], words: int, price: float, step: int = 1
) -> np.ndarray:
    """The weights w >= 0 of the words with the least |w|^2 / 2 + price x mean over images of their worst box's error.

    By cutting planes: solved for a few boxes, then the worst boxes of each image are added, until none is new.
    """
    blocks = [downsample_sum(density, step).astype(float) for density in true]
    unit = sum(block.sum() for block in blocks) / sum(density.size for density in true)
    if not unit:
        return np.zeros(words)
    planes = _Planes(words, len(known), price / len(known))
    for image, block in enumerate(blocks):
        whole = (slice(0, block.shape[0]), slice(0, block.shape[1]))
        for sign in (1, -1):
            planes.add(image, sign, _counted(known[image], whole, words, step) * unit, block.sum())
    for _ in range(ROUNDS):
        weights, errors = planes.solve()
        new = False
        for image, block in enumerate(blocks):
            missing = block - downsample_sum(_density(known[image], weights * unit), step)
            for sign, (error, box) in zip((1, -1), (worst_box(missing), worst_box(-missing)), strict=True):
                if error > NEW * errors[image] + ENOUGH:
                    counted = _counted(known[image], box, words, step) * unit
                    planes.add(image, sign, counted, block[box].sum())
                    new = True
        if not new:
            break
    return weights * unit


def worst_box(values: np.ndarray) -> tuple[float, Box]:
    """The box with the largest sum, and that sum: the maximum sub-array, for all bands of rows at once."""
    height, width = values.shape
    # Columns first, so that each step along them works on all bands side by side.
    sums = np.zeros((width + 1, height + 1))
    sums[1:, 1:] = values.T.cumsum(axis=0).cumsum(axis=1)
    best, box = -np.inf, None
    for top in range(height):
        bands = sums[:, top + 1 :] - sums[:, top : top + 1]
        before = np.minimum.accumulate(bands[:-1], axis=0)
        gain = bands[1:] - before
        place = int(gain.argmax())
        if gain.flat[place] > best:
            right, band = divmod(place, gain.shape[1])
            left = int(bands[: right + 1, band].argmin())
            best = float(gain.flat[place])
            box = (slice(top, top + band + 1), slice(left, right + 1))
    return best, box


class _Planes:
    """A quadratic program that grows: w >= 0 and errors e, with sign x (number - counted . w) <= e of its image."""

    def __init__(self, words: int, images: int, price: float):
        self.words, self.images = words, images
        # price x (e + CURVED e^2 / 2) is a square round -1 / CURVED: so the problem is to stay near a point.
        self.stretch = np.sqrt(price * CURVED)
        self.centre = np.concatenate([np.zeros(words), np.full(images, -self.stretch / CURVED)])
        self.rows = list(np.eye(words, words + images))
        self.least = [0.0] * words
        self.scale = np.linalg.norm(self.centre) / 2

    def add(self, image: int, sign: int, counted: np.ndarray, number: float) -> None:
        error = np.zeros(self.images)
        error[image] = 1 / self.stretch
        self.rows.append(np.concatenate([sign * counted, error]))
        self.least.append(sign * number)

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        rows = np.array(self.rows)
        moved = nearest(rows, (np.array(self.least) - rows @ self.centre) / self.scale) * self.scale
        # The solver's numbers are best where the solution has length 1: the next one is about as long as this.
        self.scale = np.linalg.norm(moved)
        found = self.centre + moved
        return np.maximum(found[: self.words], 0), found[self.words :] / self.stretch


def nearest(rows: np.ndarray, least: np.ndarray) -> np.ndarray:
    """The shortest x with rows @ x >= least, by non-negative least squares (Lawson and Hanson 1974, chapter 23)."""
    from scipy.optimize import nnls

    system = np.vstack([rows.T, least])
    wanted = np.zeros(len(system))
    wanted[-1] = 1
    residual = system @ nnls(system, wanted, maxiter=10 * len(rows))[0] - wanted
    return -residual[:-1] / residual[-1]


def _counted(known: np.ndarray, box: Box, words: int, step: int) -> np.ndarray:
    """Pixels of each word in a box of blocks."""
    inside = known[tuple(slice(side.start * step, side.stop * step) for side in box)]
    return np.bincount(inside.ravel(), minlength=words + 1)[:words].astype(float)


def _density(known: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.append(weights, 0.0)[known]
