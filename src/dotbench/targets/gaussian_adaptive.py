"""Gaussians of mass 1 that are narrow where cells are dense: sigma from the neighbours (Zhang 2016, MCNN)."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from dotbench.cards.kernels import AdaptiveGaussian
from dotbench.targets.stamps import stamp, stamp_peak

DUPLICATES = "each counts"

# A narrower Gaussian is a single pixel; dots on one another would ask for a width of zero.
SIGMA_MIN = 0.5


def draw(
    dots: np.ndarray,
    shape: tuple[int, ...],
    kernel: AdaptiveGaussian,
    unit: tuple[float, ...],
    labels: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    sigma = sigmas(dots * unit, kernel)[:, None] / np.asarray(unit)
    return stamp(dots, shape, sigma, kernel.scale, kernel.border)


def peak(kernel: AdaptiveGaussian, unit: tuple[float, ...]) -> float:
    return kernel.scale * stamp_peak(kernel.sigma_max / np.asarray(unit))


def sigmas(places: np.ndarray, kernel: AdaptiveGaussian) -> np.ndarray:
    """The width of each dot's Gaussian; a dot with fewer neighbours than asked for takes those it has."""
    neighbours = min(kernel.neighbours, len(places) - 1)
    if neighbours < 1:
        return np.full(len(places), kernel.sigma_max)
    distance, _ = KDTree(places).query(places, k=neighbours + 1)
    # The nearest is the dot itself, or one on the same place: in both cases at distance 0.
    return np.clip(kernel.beta * distance[:, 1:].mean(axis=1), SIGMA_MIN, kernel.sigma_max)
