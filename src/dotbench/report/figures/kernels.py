"""What kernels make of two cells that overlap: whether the dots can be found again in the map (Guo 2022, Fig. 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from dotbench.cards.kernels import Gaussian, InverseDistance, Kernel
from dotbench.report.figures.kernel_names import kernel_name
from dotbench.report.figures.style import MAP, PALETTE, new_figure, styled
from dotbench.targets import render

SHAPE = (33, 49)
RADIUS = 6.0
APART = (10, 4)
"""pixels between the two dots: cells that touch, and cells that lie over each other"""
USUAL: tuple[Kernel, ...] = (Gaussian(sigma=2.0), Gaussian(sigma=3.0), InverseDistance())
COLUMNS = 6


def figure_kernels(kernels: Sequence[Kernel] = USUAL) -> Figure:
    """Kernels beside each other, at most six; equal ones once."""
    kernels = list({kernel_name(kernel): kernel for kernel in (*kernels, *USUAL)}.values())[:COLUMNS]
    with styled():
        figure = new_figure(1.75 * (len(kernels) + 1), 4.4)
        figure.suptitle("Two overlapping cells as target maps: can the dots be told apart?", fontsize=10)
        grid = figure.subplots(3, len(kernels) + 1, gridspec_kw={"height_ratios": [1, 1, 0.9]})
        for row, apart in zip(grid[:2], APART, strict=True):
            _draw_row(row, apart, kernels)
        grid[2, 0].set_axis_off()
        text = "height of the map\nalong the line\nthrough both dots,\nrelative to its peak"
        grid[2, 0].text(0.5, 0.95, text, ha="center", va="top", fontsize=8)
        for axis, kernel in zip(grid[2, 1:], kernels, strict=True):
            _draw_profile(axis, kernel)
        for axis, kernel in zip(grid[0, 1:], kernels, strict=True):
            axis.set_title(kernel_name(kernel).replace(", ", ",\n", 1), fontsize=8)
        grid[0, 0].set_title("cells and dots", fontsize=8)
        grid[2, 0].legend(*grid[2, 1].get_legend_handles_labels(), loc="lower center", handlelength=1.6)
    return figure


def _dots(apart: float) -> np.ndarray:
    y, x = (size // 2 for size in SHAPE)
    return np.array([[y, x - apart // 2], [y, x - apart // 2 + apart]], float)


def _labels(dots: np.ndarray) -> np.ndarray:
    """A disc a cell; where they overlap, the nearer one."""
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    distance = np.linalg.norm(grid[..., None, :] - dots, axis=-1)
    return np.where(distance.min(-1) <= RADIUS, distance.argmin(-1) + 1, 0)


def _map(dots: np.ndarray, kernel: Kernel) -> np.ndarray:
    drawn = render(dots, SHAPE, kernel, labels=_labels(dots)).map
    # Inside and seam are two maps; seen together the seam stands out.
    return drawn[0] + 2 * drawn[1] if drawn.ndim > len(SHAPE) else drawn


def _draw_row(row: Sequence, apart: int, kernels: Sequence[Kernel]) -> None:
    dots = _dots(apart)
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    light = np.exp(-((np.linalg.norm(grid[..., None, :] - dots, axis=-1) / RADIUS) ** 4)).sum(-1)
    row[0].imshow(light, cmap="gray")
    row[0].plot(dots[:, 1], dots[:, 0], "x", color=PALETTE[5], markersize=6, markeredgewidth=1.6)
    row[0].set_ylabel(f"{apart} px apart")
    for axis, kernel in zip(row[1:], kernels, strict=True):
        axis.imshow(_map(dots, kernel), cmap=MAP)
    for axis in row:
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        axis.spines[:].set_visible(False)


def _draw_profile(axis, kernel: Kernel) -> None:
    for apart, style in zip(
        APART, ({"color": PALETTE[0]}, {"color": PALETTE[1], "linestyle": (0, (4, 1.5))}), strict=True
    ):
        dots = _dots(apart)
        line = _map(dots, kernel)[int(dots[0, 0])]
        axis.plot(
            np.arange(SHAPE[1]) - SHAPE[1] // 2,
            line / line.max(),
            label=f"{apart} px apart",
            linewidth=1.2,
            **style,
        )
    axis.set(xlabel="px", yticks=[0, 0.5, 1], ylim=(0, 1.08), xlim=(-16, 16))
    axis.set_yticklabels(["0", "½", "1"])
