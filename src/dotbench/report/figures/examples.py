"""One test image seen by several methods: target, predicted map and detections side by side (Xie 2015, Fig. 1 and 3)."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dotbench.cards.kernels import Gaussian
from dotbench.cards.paper import Bounds
from dotbench.contract.layout import Layout
from dotbench.contract.trial import Trial
from dotbench.errors import UserError
from dotbench.report.figures.example import Example, Prediction, read_example
from dotbench.report.figures.kernel_names import kernel_name
from dotbench.report.figures.series import where
from dotbench.report.figures.style import GREY, MAP, nothing, put_legend, styled
from dotbench.report.numbers import number

# Shape as well as colour, and both bright enough for dark images.
MARKS = {
    "hit": {"marker": "o", "markeredgecolor": "#00E5FF"},
    "false": {"marker": "x", "markeredgecolor": "#FFB000"},
    "missed": {"marker": "s", "markeredgecolor": "#FF4FA3"},
}
LEGEND = {"hit": "detected, a cell", "false": "detected, no cell", "missed": "missed cell"}
HIDDEN = Bounds().of("floor") + Bounds().of("chance")
"""controls that look at no image"""
CROWDED = 80
"""trials from which on marks must be small to be told apart"""
PANEL, GAP, ROW_GAP = 2.2, 0.12, 0.5
"""inches"""
REFERENCE = Gaussian(sigma=2.0)
"""the target that is shown beside methods that learn none"""


def figure_examples(
    trials: Collection[Trial],
    layout: Layout,
    names: Mapping[str, str] | None = None,
    image: str | None = None,
) -> Figure:
    """The trials of one dataset, protocol and N, a row each; of several draws the first.

    `image` is a test sample, else a typical one of those with kept maps.
    """
    title = "Image, target, predicted map and detections"
    trials = sorted(trial for trial in trials if trial.method not in HIDDEN)
    trials = [trial for trial in trials if trial.draw == trials[0].draw]
    try:
        example = read_example(trials, layout, image)
    except (FileNotFoundError, UserError) as problem:
        return nothing(title, str(problem).splitlines()[0])
    with styled():
        figure, grid = _grid(max(len(example.predictions), 1))
        what = f"{example.id.replace('#', ', patch at ')}: {len(example.dots)} cells" + (
            f"; {example.detail}" if example.detail else ""
        )
        figure.suptitle(
            f"{where(trials)}, draw {trials[0].draw}\n{what}", fontsize=10, y=1 - 0.1 / figure.get_figheight()
        )
        for row, prediction in zip(grid, example.predictions, strict=True):
            name = (names or {}).get(prediction.trial.method, prediction.trial.method)
            _draw_row(row, example, prediction, name)
        for axis, text in zip(
            grid[0], ("image, true dots", "target map", "predicted map", "detections"), strict=True
        ):
            place = axis.get_position()
            figure.text(
                (place.x0 + place.x1) / 2, 1 - 0.72 / figure.get_figheight(), text, ha="center", fontsize=9
            )
        put_legend(
            figure,
            {
                text: Line2D([], [], linestyle="none", markerfacecolor="none", **MARKS[kind])
                for kind, text in LEGEND.items()
            },
            below=True,
        )
    return figure


def _grid(count: int) -> tuple[Figure, np.ndarray]:
    """Panels of one size; with an automatic layout long texts would shrink some of them."""
    width, height = 4 * (PANEL + GAP) + 0.4, count * (PANEL + ROW_GAP) + 1.35
    figure = Figure(figsize=(width, height))
    grid = figure.subplots(count, 4, squeeze=False)
    figure.subplots_adjust(
        left=0.4 / width,
        right=1 - GAP / width,
        top=1 - 0.95 / height,
        bottom=0.62 / height,
        wspace=GAP / PANEL,
        hspace=ROW_GAP / PANEL,
    )
    return figure, grid


def _draw_row(row: Sequence, example: Example, prediction: Prediction, name: str) -> None:
    for axis in row:
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        axis.spines[:].set_visible(False)
    row[0].set_ylabel("\n".join(textwrap.wrap(name, 24)))
    _show_image(row[0], example)
    _plot(
        row[0], example.dots, {"marker": ".", "markeredgecolor": "#E69F00", "markerfacecolor": "#E69F00"}, 3
    )
    if prediction.why:
        for axis in row[1:]:
            axis.set_axis_off()
        row[2].text(
            0.5,
            0.5,
            f"{prediction.status}\n{prediction.why}",
            ha="center",
            va="center",
            wrap=True,
            color=GREY,
        )
        return
    kernel = prediction.kernel or REFERENCE
    target = example.target(kernel)
    row[1].imshow(target, cmap=MAP, vmin=0, extent=example.extent)
    # In the row's own panel: methods may learn different targets.
    learnt = "learns" if prediction.kernel else "for comparison"
    row[1].set_title(f"{learnt}: {kernel_name(kernel)}", fontsize=7, pad=3)
    if prediction.map is None:
        _say(row[2], "counts without a map")
    else:
        # On the target's scale, so that a faint map looks faint; unless it is another quantity altogether.
        same = 0.1 < prediction.map.max() / max(target.max(), 1e-9) < 10
        row[2].imshow(
            prediction.map, cmap=MAP, vmin=0, vmax=target.max() if same else None, extent=example.extent
        )
    found = f"{number(prediction.count, 1)} counted in the image, {len(example.all_dots)} true"
    row[2].set_xlabel(found, fontsize=7)
    if not len(prediction.dots) and prediction.count >= 1:
        _say(row[3], "gives a count,\nno places")
        return
    # Darker, so that the marks stand out.
    _show_image(row[3], example, light=0.6)
    places = example.judge(prediction.dots)
    crowded = len(example.dots) > CROWDED
    for kind, dots in places.items():
        _plot(row[3], dots, {**MARKS[kind], "markerfacecolor": "none"}, 3.2 if crowded else 5)
    row[3].set_xlabel(", ".join(f"{len(dots)} {kind}" for kind, dots in places.items()), fontsize=7)


def _say(axis, text: str) -> None:
    axis.text(0.5, 0.5, text, ha="center", va="center", color=GREY, transform=axis.transAxes)


def _show_image(axis, example: Example, light: float = 1.0) -> None:
    axis.imshow(light * example.image, cmap="gray", vmin=0, vmax=1, extent=example.extent)
    if example.outside is not None:
        # Nothing is known, learnt or scored there.
        veil = np.zeros((*example.outside.shape, 4))
        veil[..., :3], veil[..., 3] = 1, 0.55 * example.outside
        axis.imshow(veil, extent=example.extent)


def _plot(axis, dots: np.ndarray, style: Mapping[str, object], size: float) -> None:
    axis.plot(dots[:, 1], dots[:, 0], linestyle="none", markersize=size, markeredgewidth=0.9, **style)
