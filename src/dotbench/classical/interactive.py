"""Ridge regression from smoothed codes to the density: interactive object counting, with all dots given at once
(Arteta 2014)."""

from __future__ import annotations

import warnings

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt
from scipy import ndimage

from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.classical.density import JUDGES, DensityOptions, predicted, threshold, truth
from dotbench.classical.filters import blobs
from dotbench.classical.foreground import grey
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample

# Rounds of k-means; and pixels whose smoothed codes are in memory at once.
ROUNDS, CHUNK = 20, 4096


class Options(DensityOptions):
    sigma: PositiveFloat = 5.0
    """as elsewhere, but in pixels of the image after rescaling; also of the smoothed codes"""
    size: PositiveFloat = 10.0
    """pixels across an object after rescaling"""
    diameter: PositiveFloat = 2.5
    """how many cell radii are across an object"""
    words: PositiveInt = 512
    word_samples: PositiveInt = 100_000
    """pixels of the training images that the words are learnt from"""
    on_cells: float = Field(0.667, ge=0, le=1)
    """share of them where the density is at least `cell_from`"""
    cell_from: PositiveFloat = 0.001
    samples: PositiveInt = 100_000
    """pixels of the training images that the weights are learnt from"""
    penalty: PositiveFloat = 1.0
    """on the squared weights, for half a million pixels"""


def fit(train: list[Sample], validation: list[Sample], options: Options, info: DatasetCard) -> Model:
    rng = np.random.default_rng(0)
    features = [_features(sample, options, info) for sample in train]
    densities = [
        _resized(truth(sample, options.sigma / _zoom(options, info), info, border="lose"), seen.shape[:2])
        for sample, seen in zip(train, features, strict=True)
    ]
    regions = [_region(sample, density.shape) for sample, density in zip(train, densities, strict=True)]
    model = _learn_words(features, densities, regions, options, rng)
    known = [_words(seen, model) for seen in features]
    weights = _learn_weights(known, len(model["words"]), densities, regions, options, rng)
    model = {**model, "weights": weights[:-1], "constant": weights[-1]}
    # What the Gaussians lose at the border, and what weights without negative ones promise too much.
    said = sum(_density(model, sample, options, info).sum(dtype=np.float64) for sample in train)
    factor = sum(len(sample.dots) for sample in train) / said if said else 1.0
    model = {**model, "weights": model["weights"] * factor, "constant": np.array(model["constant"] * factor)}
    judges = (validation or train)[:JUDGES]
    found = [_density(model, sample, options, info) for sample in judges]
    level = threshold(found, judges, _in_image(options, info), info)
    return {**model, "threshold": np.array(level)}


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    density = _density(model, sample, options, info)
    return predicted(density, float(model["threshold"]), _in_image(options, info), info)


def _zoom(options: Options, info: DatasetCard) -> float:
    return options.size / (options.diameter * info.cell_radius)


def _in_image(options: Options, info: DatasetCard) -> Options:
    return options.model_copy(update={"sigma": options.sigma / _zoom(options, info)})


def _features(sample: Sample, options: Options, info: DatasetCard) -> np.ndarray:
    """(height, width, features) of the rescaled image."""
    from skimage.transform import resize

    values, zoom = grey(sample.image, 2, sample.id), _zoom(options, info)
    shape = [max(1, round(size * zoom)) for size in values.shape]
    small = resize(values, shape, order=1, mode="symmetric", anti_aliasing=zoom < 1)
    return np.moveaxis(blobs(small, options.size), 0, -1)


def _resized(density: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """With the same sum, so that no cell is lost."""
    from skimage.transform import resize

    found = resize(density, shape, order=1, mode="symmetric", anti_aliasing=False)
    total = found.sum(dtype=np.float64)
    return found * (density.sum(dtype=np.float64) / total) if total else found


def _region(sample: Sample, shape: tuple[int, int]) -> np.ndarray:
    """Where cells were annotated, in the rescaled image."""
    from skimage.transform import resize

    if sample.roi is None:
        return np.ones(shape, bool)
    return resize(np.asarray(sample.roi) > 0, shape, order=0)


def _learn_words(
    features: list[np.ndarray],
    densities: list[np.ndarray],
    regions: list[np.ndarray],
    options: Options,
    rng: np.random.Generator,
) -> Model:
    """The centres of k-means over standardised features."""
    from scipy.cluster.vq import kmeans2

    seen = []
    for image, density, region in zip(features, densities, regions, strict=True):
        number = options.word_samples / len(features)
        for share, allowed in (
            (options.on_cells, region & (density >= options.cell_from)),
            (1 - options.on_cells, region & (density < options.cell_from)),
        ):
            places = np.flatnonzero(allowed)
            some = rng.choice(places, min(len(places), round(share * number)), replace=False)
            seen.append(image.reshape(-1, image.shape[-1])[some])
    seen = np.concatenate(seen)
    mean, sd = seen.mean(axis=0), seen.std(axis=0)
    # What is the same everywhere says nothing.
    sd[sd == 0] = 1
    seen = (seen - mean) / sd
    with warnings.catch_warnings():
        # Images without noise have fewer kinds of pixels than words: some words then stay unused.
        warnings.filterwarnings("ignore", message="One of the clusters is empty")
        words = kmeans2(seen, min(options.words, len(seen)), ROUNDS, minit="points", rng=rng)[0]
    return {"mean": mean, "sd": sd, "words": words}


def _words(features: np.ndarray, model: Model) -> np.ndarray:
    from scipy.cluster.vq import vq

    seen = ((features - model["mean"]) / model["sd"]).reshape(-1, features.shape[-1])
    return vq(seen, model["words"], check_finite=False)[0].reshape(features.shape[:2])


def _learn_weights(
    known: list[np.ndarray],
    size: int,
    densities: list[np.ndarray],
    regions: list[np.ndarray],
    options: Options,
    rng: np.random.Generator,
) -> np.ndarray:
    """One weight a word, and a constant: ridge regression at pixels anywhere. Words with a negative weight, of which
    there would be less than nothing, get none, and the others are learnt anew until none is left."""
    square, product, count = np.zeros((size + 1, size + 1)), np.zeros(size + 1), 0
    for image, density, region in zip(known, densities, regions, strict=True):
        places = np.flatnonzero(region)
        some = rng.choice(places, min(len(places), max(1, options.samples // len(known))), replace=False)
        for part in np.split(some, range(CHUNK, len(some), CHUNK)):
            codes = np.column_stack([_smoothed(image, part, size, options.sigma), np.ones(len(part))])
            square += codes.T @ codes
            product += codes.T @ density.ravel()[part]
            count += len(part)
    square += options.penalty * count / 500_000 * np.eye(size + 1)
    weights, used = np.zeros(size + 1), np.arange(size + 1)
    while len(used):
        found = np.linalg.solve(square[np.ix_(used, used)], product[used])
        kept = found >= 0
        if kept.all():
            weights[used] = found
            break
        used = used[kept]
    return weights


def _smoothed(known: np.ndarray, pixels: np.ndarray, size: int, sigma: float) -> np.ndarray:
    """(pixels, words): how much of each word is round a pixel, under a Gaussian; the image mirrored at its border."""
    reach = round(4 * sigma)
    profile = ndimage.gaussian_filter1d(np.eye(1, 2 * reach + 1, reach)[0], sigma, radius=reach)
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(known, reach, mode="symmetric"), (2 * reach + 1, 2 * reach + 1)
    )
    words = around[np.unravel_index(pixels, known.shape)].reshape(len(pixels), -1)
    slot = words + size * np.arange(len(pixels))[:, None]
    weight = np.tile(np.outer(profile, profile).ravel(), len(pixels))
    return np.bincount(slot.ravel(), weight, size * len(pixels)).reshape(len(pixels), size)


def _density(model: Model, sample: Sample, options: Options, info: DatasetCard) -> np.ndarray:
    """In the image as it came."""
    features = _features(sample, options, info)
    rough = model["weights"][_words(features, model)] + model["constant"]
    # Half the smoothing of the codes, as in the authors' code: dots stay apart, and the sum is the same.
    density = ndimage.gaussian_filter(rough, options.sigma / 2)
    density = _resized(np.where(_region(sample, density.shape), density, 0), sample.image.shape[:2])
    return density if sample.roi is None else np.where(np.asarray(sample.roi) > 0, density, 0)
