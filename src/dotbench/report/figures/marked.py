"""A user's image with a ring round every cell found."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from dotbench.contract.prediction import Prediction
from dotbench.report.figures.style import PALETTE, new_figure, styled

WIDTH = 8.0
"""inches"""


def figure_marked(image: np.ndarray, found: Prediction) -> Figure:
    """3D images are seen from above, brightest voxel first."""
    volume = image.ndim == 3 and image.shape[-1] > 4
    seen = image.max(axis=0) if volume else image
    height, width = seen.shape[:2]
    with styled():
        figure = new_figure(WIDTH, WIDTH * height / width + 0.4)
        axis = figure.subplots()
        axis.imshow(seen, cmap="gray")
        axis.set_axis_off()
        if len(found.dots):
            y, x = found.dots[:, -2:].T
            # The area of a marker is in square points; a ring should span about a fiftieth of the picture.
            axis.scatter(
                x, y, s=(WIDTH * 72 / 50) ** 2, facecolors="none", edgecolors=PALETTE[1], linewidths=1
            )
        placed = (
            f", {len(found.dots)} of them marked" if len(found.dots) else "; this method does not say where"
        )
        axis.set_title(f"{found.count:.1f} trials{placed}")
    return figure
