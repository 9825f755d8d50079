"""Otsu's threshold and connected components: what simple image processing finds; also proposals for labelling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.classical.foreground import ForegroundOptions, foreground
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample
from dotbench.data.pieces import find_pieces


class Options(ForegroundOptions):
    min_area: float = Field(0.1, ge=0)
    """smaller components are noise or debris; as a share of a cell's area (3D: volume)"""


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    dots, sizes = proposals(sample.image, info.ndim, info.spacing, info.cell_radius, options, sample.id)
    return Prediction(len(dots), dots, sizes)


def proposals(
    image: np.ndarray,
    ndim: int = 2,
    spacing: Sequence[float] | None = None,
    cell_radius: float | None = None,
    options: Options | None = None,
    where: object = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Centroids (k, ndim) and sizes in voxels of all components; without a cell radius none is too small."""
    options = options or Options()
    pieces = find_pieces(foreground(image, options, ndim, spacing, where).view(np.uint8))
    smallest = options.min_area * cell_size(cell_radius, ndim, spacing) if cell_radius else 0
    kept = pieces.sizes >= smallest
    return pieces.centroids[kept], pieces.sizes[kept].astype(float)


def cell_size(radius: float, ndim: int, spacing: Sequence[float] | None) -> float:
    """Voxels of a round cell; the radius counts in-plane pixels."""
    round_cell = np.pi * radius**2 if ndim == 2 else 4 / 3 * np.pi * radius**3
    return round_cell / (1.0 if spacing is None else float(np.prod(spacing)))
