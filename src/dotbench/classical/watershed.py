"""A threshold, the distance to the background, and its watershed: the cheapest baseline of NuMorph's evaluation script."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from scipy import ndimage

from dotbench.cards.dataset import DatasetCard
from dotbench.classical import Model
from dotbench.classical.foreground import ForegroundOptions, foreground
from dotbench.classical.otsu_components import cell_size
from dotbench.contract.prediction import Prediction
from dotbench.data.dataset import Sample
from dotbench.data.pieces import find_pieces


class Options(ForegroundOptions):
    min_area: float = Field(0.04, ge=0)
    """smaller pieces are noise or debris; as a share of a cell's area (3D: volume)"""


def predict(
    model: Model, sample: Sample, options: Options, info: DatasetCard, rng: np.random.Generator
) -> Prediction:
    from skimage.segmentation import watershed

    inside = foreground(sample.image, options, info.ndim, info.spacing, sample.id)
    depth = ndimage.distance_transform_edt(inside, sampling=info.spacing)
    # Without markers every maximum of the depth is a cell of its own.
    pieces = find_pieces(watershed(-depth, connectivity=info.ndim, mask=inside))
    kept = pieces.sizes >= options.min_area * cell_size(info.cell_radius, info.ndim, info.spacing)
    return Prediction(int(kept.sum()), pieces.centroids[kept], pieces.sizes[kept].astype(float))
