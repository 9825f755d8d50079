"""Cores of nuclei where the image falls off in every direction: the Hessian baseline of NuMorph's evaluation script."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, PositiveFloat
from scipy import ndimage

from dotbench.cards.base import Part
from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.classical.curvature import peaked, upright
from dotbench.classical.foreground import grey
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample
from dotbench.data.pieces import find_pieces

# The script's lengths are in pixels, 8 of them a nucleus; its intensities are those of 8 bits.
DIAMETER, WHITE = 8, 255


class Options(Part):
    sigmas: tuple[PositiveFloat, ...] = Field((1.12, 1.75), min_length=1)
    """widths of Gaussians, in eighths of a cell's diameter; a core bulges at each of them"""
    curvatures: tuple[float, float, float] = (-0.15, -0.10, -0.05)
    """what each eigenvalue stays below, the lowest first, in grey levels of 255 by squared eighths of a diameter"""
    white: float = Field(99.9, gt=0, le=100)
    """percentile of the image that counts as the grey level 255; 0 is the image's lowest value"""
    brightest: float = Field(30, ge=0)
    """grey level of 255 that the brightest voxel of a core exceeds"""
    objects: Literal["auto", "bright", "dark"] = "auto"
    """auto: the side of Otsu's threshold that covers less of the image"""


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    values = _grey_levels(upright(grey(sample.image, info.ndim, sample.id), options.objects), options.white)
    # Lengths in eighths of a diameter, along each axis.
    unit = np.array(info.voxel) * (DIAMETER / (2 * info.cell_radius))
    cores = np.logical_and.reduce([_cores(values, sigma, unit, options) for sigma in options.sigmas])
    cross = ndimage.generate_binary_structure(info.ndim, 1)
    cores = ndimage.binary_opening(ndimage.binary_closing(cores, cross), cross)
    labels, count = ndimage.label(cores, np.ones((3,) * info.ndim))
    bright = ndimage.maximum(values, labels, np.arange(1, count + 1)) > options.brightest
    pieces = find_pieces(labels)
    kept = np.asarray(bright, bool)[pieces.labels - 1]
    return Prediction(int(kept.sum()), pieces.centroids[kept], pieces.sizes[kept].astype(float))


def _grey_levels(values: np.ndarray, white: float) -> np.ndarray:
    low, high = float(values.min()), float(np.percentile(values, white))
    return (values - low) * (WHITE / (high - low)) if high > low else np.zeros_like(values)


def _cores(values: np.ndarray, sigma: float, unit: np.ndarray, options: Options) -> np.ndarray:
    inside, eigenvalues = peaked(ndimage.gaussian_filter(values, sigma / unit), unit)
    # A plane has no third eigenvalue.
    inside[inside] = (eigenvalues < options.curvatures[-values.ndim :]).all(axis=1)
    return inside
