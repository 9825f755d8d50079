"""Training curves: the loss, and the error on validation images, step by step."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.figure import Figure

from dotbench.contract.layout import Layout
from dotbench.contract.status import Failure
from dotbench.contract.tables import read_history
from dotbench.contract.trial import Trial
from dotbench.report.figures.series import methods_of, series_of, where
from dotbench.report.figures.style import log_scale, looks, new_figure, nothing, put_legend, styled


def figure_history(
    trials: Collection[Trial], layout: Layout, names: Mapping[str, str] | None = None
) -> Figure:
    """The trials of one dataset, protocol and N; a thin line a draw. Trainings that failed half-way are shown too."""
    title = "Training curves"
    series = series_of(trials, layout, names)
    curves = {
        one.method: found
        for one in series
        if (found := [c for trial in one.trials if len(c := _read(trial, layout))])
    }
    if not curves:
        return nothing(title, "no method of these trials was trained yet")
    with styled():
        figure = new_figure(7.4, 3.6)
        figure.suptitle(f"{title}\n{where(trials)}", fontsize=10)
        left, right = figure.subplots(1, 2)
        look = looks([*methods_of(series), *curves])
        entries = {}
        for one in series:
            style = {**look.get(one.method, {}), "marker": "", "linewidth": 0.9, "alpha": 0.8}
            for step, loss, validation in (curve.T for curve in curves.get(one.method, ())):
                seen = np.isfinite(loss)
                (entries[one.name],) = left.plot(step[seen], loss[seen], **style)
                seen = np.isfinite(validation)
                right.plot(step[seen], validation[seen], **style)
        for axis, label in (
            (left, "training loss (of the scaled map)"),
            (right, "MAE on validation images (cells)"),
        ):
            axis.set(xlabel="step", ylabel=label)
            # A loss of exactly 0 has no logarithm; then the scale stays linear.
            if all((line.get_ydata() > 0).all() for line in axis.lines) and axis.lines:
                log_scale(axis.yaxis)
        if not right.lines:
            right.text(0.5, 0.5, "no validation images", ha="center", va="center", transform=right.transAxes)
        put_legend(figure, entries, below=True)
    return figure


def _read(trial: Trial, layout: Layout) -> np.ndarray:
    """(looks, 3): step, loss, validation error; NaN where one was not measured."""
    try:
        rows = read_history(layout.trial(trial))
    except Failure:
        rows = []
    return np.array([(row.step, row.loss, row.validation_mae) for row in rows], float).reshape(-1, 3)
