"""Predicted against true counts, one panel a method: bias, spread and outliers at a glance."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.figure import Figure

from dotbench.contract.layout import Layout
from dotbench.contract.status import Failure
from dotbench.contract.tables import read_per_image
from dotbench.contract.trial import Trial
from dotbench.report.figures.series import Series, lacking, series_of, where
from dotbench.report.figures.style import GREY, PALETTE, new_figure, nothing, put_legend, styled
from dotbench.report.numbers import number

COLUMNS = 4


def figure_counts(
    trials: Collection[Trial], layout: Layout, names: Mapping[str, str] | None = None
) -> Figure:
    """The trials of one dataset, protocol and N."""
    title = "Predicted against true counts of the test images"
    series = series_of(trials, layout, names)
    found = {one.name: (one, points) for one in series if len(points := _points(one))}
    if not found:
        return nothing(title, "no trial has a result yet")
    with styled():
        columns = min(COLUMNS, len(found))
        rows = math.ceil(len(found) / columns)
        figure = new_figure(2.1 * columns + 0.6, 2.3 * rows + 0.6)
        figure.suptitle(f"{title}\n{where(trials)}", fontsize=10)
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        low, high = _range([points for _, points in found.values()])
        for axis in axes.flat[len(found) :]:
            axis.set_visible(False)
        for axis, (name, (one, points)) in zip(axes.flat, found.items(), strict=False):
            axis.axline((low, low), slope=1, color=GREY, linewidth=0.8, zorder=1)
            axis.plot(*points.T, "o", color=PALETTE[0], markersize=2.6, alpha=0.5, markeredgewidth=0)
            axis.set(
                title="\n".join(textwrap.wrap(name, 22)), xlim=(low, high), ylim=(low, high), aspect="equal"
            )
            axis.text(0.04, 0.96, _summary(one), transform=axis.transAxes, va="top", fontsize=7)
        for axis in axes[:, 0]:
            axis.set_ylabel("predicted cells")
        for j in range(columns):
            axes[(len(found) - 1 - j) // columns, j].set_xlabel("true cells")
            axes[(len(found) - 1 - j) // columns, j].xaxis.set_tick_params(labelbottom=True)
        put_legend(figure, {}, lacking(series))
    return figure


def _points(series: Series) -> np.ndarray:
    """(images of all draws, 2): true and predicted."""
    points = []
    for draw in series.result.ok:
        try:
            points += [(row.true, row.predicted) for row in read_per_image(draw.folder)]
        except Failure:
            continue
    points = np.array(points).reshape(-1, 2)
    return points[np.isfinite(points).all(axis=1)]


def _range(points: list[np.ndarray]) -> tuple[float, float]:
    """Where all true counts lie, with room for what is predicted; a wild prediction must not flatten all panels."""
    true = np.concatenate([some[:, 0] for some in points])
    predicted = np.concatenate([some[:, 1] for some in points])
    low, high = true.min(), true.max()
    room = max(high - low, 1) * 0.6
    low, high = max(min(low, predicted.min()), low - room), min(max(high, predicted.max()), high + room)
    margin = 0.05 * max(high - low, 1)
    return low - margin, high + margin


def _summary(series: Series) -> str:
    mae, bias = series.result.value("mae"), series.result.value("bias")
    draws = len(series.result.ok)
    text = f"MAE {number(mae and mae.mean)}, bias {number(bias and bias.mean, 2, sign=True)}"
    return text + (f"\n{draws} draws" if draws > 1 else "")
