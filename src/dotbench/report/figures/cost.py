"""Accuracy against what it costs: who is on the lower left needs no excuse."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping
from statistics import fmean

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from dotbench.contract.layout import Layout
from dotbench.contract.records import Cost
from dotbench.contract.trial import Trial
from dotbench.report.figures.series import Series, lacking, methods_of, series_of, where
from dotbench.report.figures.style import BOUND, log_scale, looks, new_figure, nothing, put_legend, styled
from dotbench.report.numbers import duration, is_number

TIMES = (0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10800, 36000, 108000, 360000, 3600000)


def figure_cost(trials: Collection[Trial], layout: Layout, names: Mapping[str, str] | None = None) -> Figure:
    """The trials of one dataset, protocol and N."""
    title = "Counting error against computing time"
    series = [one for one in series_of(trials, layout, names) if one.kind in ("method", "floor")]
    known = [one for one in series if one.result.value("mae") and _seconds(one) is not None]
    methods = [one for one in known if one.kind == "method"]
    if not methods:
        return nothing(title, "no method has a result with its time yet")
    with styled():
        figure = new_figure(8.2, 4.4)
        axis = figure.subplots()
        axis.set_title(f"{title}\n{where(trials)}", fontsize=10, loc="left")
        look = looks(methods_of(series))
        entries = {}
        for one in methods:
            value, style = one.result.value("mae"), {**look[one.method], "linestyle": "none", "markersize": 7}
            entries[one.name] = axis.errorbar(
                _seconds(one), value.mean, value.sd or 0, capsize=2, elinewidth=0.9, **style
            )
        for one in (one for one in known if one.kind == "floor"):
            level = one.result.value("mae").mean
            entries["floor: mean of the training counts"] = axis.axhline(level, **BOUND["floor"])
        axis.set(
            xscale="log",
            yscale="log",
            xlabel="training and prediction, one draw",
            ylabel="mean absolute error (cells an image)",
        )
        # From the tick below the fastest to the one above the slowest.
        first = bisect_left(TIMES, min(map(_seconds, methods))) - 1
        last = bisect_right(TIMES, max(map(_seconds, methods)))
        shown = TIMES[max(first, 0) : last + 1]
        axis.set_xticks(shown, [duration(time).replace(".0", "") for time in shown])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlim(shown[0], shown[-1])
        log_scale(axis.yaxis)
        devices = ", ".join(sorted({device for one in methods for device in _devices(one)}))
        put_legend(figure, entries, "; ".join(filter(None, (f"computed on {devices}", lacking(series)))))
    return figure


def _seconds(series: Series) -> float | None:
    """Mean over the draws of training and predicting; a method that trains nothing has only the second."""
    costs = [draw.metrics.cost or Cost() for draw in series.result.ok]
    times = [[cost.train_seconds, cost.predict_seconds] for cost in costs]
    sums = [sum(filter(is_number, pair)) for pair in times if is_number(pair[1])]
    # The clock of a very fast method can stand still; a logarithm needs more than 0.
    return max(fmean(sums), 0.1) if sums else None


def _devices(series: Series) -> set[str]:
    return {str((draw.metrics.cost or Cost()).device or "an unknown device") for draw in series.result.ok}
