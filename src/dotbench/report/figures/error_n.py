"""Counting error against the number of training images, with what the paper prints beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from dotbench.cards.paper import PaperCard, ScoreTable
from dotbench.contract.layout import Layout
from dotbench.contract.trial import Trial
from dotbench.report.figures.series import Series, lacking, methods_of, series_of, where
from dotbench.report.figures.style import BOUND, log_scale, looks, new_figure, nothing, put_legend, styled


def figure_error_n(
    trials: Collection[Trial],
    layout: Layout,
    names: Mapping[str, str] | None = None,
    paper: PaperCard | None = None,
) -> Figure:
    """The trials of one dataset and protocol; `paper` adds its printed values as hollow marks."""
    title = "Counting error against the number of training images"
    series = [one for one in series_of(trials, layout, names) if one.kind in ("method", "floor")]
    printed = list(_printed(trials, paper))
    known = [one for one in series if one.result.value("mae")]
    if not known and not printed:
        return nothing(title, "no trial has a result yet")
    with styled():
        figure = new_figure(8.2, 5.4)
        axis = figure.subplots()
        axis.set_title(f"{title}\n{where(trials)}", fontsize=10, loc="left")
        look = looks([*methods_of(series), *sorted({method for method, *_ in printed})])
        # Side by side, within 5 % of N.
        shift = {method: 0.95 + 0.1 * i / max(1, len(look) - 1) for i, method in enumerate(look)}
        entries = {}
        for method in sorted({one.method for one in known}):
            points = [one for one in known if one.method == method]
            label, style = points[0].name, look.get(method, BOUND["floor"])
            if points[0].kind == "floor":
                label = "floor: mean of the training counts"
            entries[label] = _plot(axis, points, style, shift.get(method, 1))
        for method, label, n, value, sd in printed:
            style = {**look[method], "linestyle": "none", "markerfacecolor": "white"}
            drawn = axis.errorbar(
                _place(n) * shift[method] * 1.02, value, sd, elinewidth=0.7, alpha=0.8, **style
            )
            if method not in {one.method for one in known}:
                entries.setdefault(f"{label} (printed only)", drawn)
        _scale(axis, sorted({one.n for one in known} | {n for _, _, n, *_ in printed}))
        notes = [f"hollow: as printed in {paper.name}"] if printed else []
        notes += ["bars: ± standard deviation over draws; without bar: one draw", lacking(series)]
        put_legend(figure, entries, "; ".join(filter(None, notes)), below=True)
    return figure


def _plot(axis, points: list[Series], style: dict, shift: float):
    values = [one.result.value("mae") for one in points]
    n = [_place(one.n) * shift for one in points]
    # One draw has no spread, and gets no bar rather than one of 0.
    spread = [float("nan") if v.sd is None else v.sd for v in values]
    return axis.errorbar(n, [v.mean for v in values], spread, capsize=2, elinewidth=0.9, **style)


def _printed(
    trials: Collection[Trial], paper: PaperCard | None
) -> Iterator[tuple[str, str, int, float, float | None]]:
    """Method, row, N, MAE and ± of each printed value on the same dataset and protocol."""
    here = {(trial.dataset, trial.protocol) for trial in trials}
    for table in paper.tables.values() if paper else ():
        for place in table.asked() if isinstance(table, ScoreTable) else ():
            trial = place.trials[0]
            if (
                place.metric == "mae"
                and place.printed.value is not None
                and (trial.dataset, trial.protocol) in here
            ):
                yield trial.method, place.label, trial.n, place.printed.value, place.printed.sd


def _place(n: int) -> float:
    """Where N stands on an axis of doublings, which has no 0."""
    return n or 0.5


def _scale(axis, numbers: list[int]) -> None:
    axis.set_xscale("log", base=2)
    axis.set_xticks([_place(n) for n in numbers], [str(n) for n in numbers])
    axis.xaxis.set_minor_locator(NullLocator())
    # The floor is so far off that a linear axis would press all methods together.
    log_scale(axis.yaxis)
    axis.set(xlabel="training images N", ylabel="mean absolute error (cells an image)")
