"""F1 against the distance that still counts as a hit, between chance and ceiling."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure

from dotbench.contract.layout import Layout
from dotbench.contract.trial import Trial
from dotbench.report.figures.matching import match_of
from dotbench.report.figures.series import Series, lacking, methods_of, series_of, where
from dotbench.report.figures.style import (
    BOUND,
    GREY,
    looks,
    new_figure,
    nothing,
    percent_scale,
    put_legend,
    styled,
)

CEILINGS = ("-", (0, (6, 1.5, 1, 1.5)), (0, (1, 1.5)))


def figure_f1_radius(
    trials: Collection[Trial],
    layout: Layout,
    names: Mapping[str, str] | None = None,
) -> Figure:
    """The trials of one dataset, protocol and N."""
    title = "F1 against the matching radius"
    series = [one for one in series_of(trials, layout, names) if one.kind != "floor"]
    curves = {one.method: curve for one in series if (curve := _curve(one)) is not None}
    if not curves:
        return nothing(title, "no trial has a result with an F1 curve yet")
    with styled():
        figure = new_figure(8.2, 4.4)
        axis = figure.subplots()
        axis.set_title(f"{title}\n{where(trials)}", fontsize=10, loc="left")
        styles, entries = _styles(series), {}
        # The frame last in the legend.
        for one in sorted(series, key=lambda one: one.kind != "method"):
            if one.method in curves:
                radii, mean, low, high = curves[one.method]
                style = styles[one.method]
                (entries[_label(one)],) = axis.plot(radii, mean, **style)
                axis.fill_between(radii, low, high, color=style["color"], alpha=0.15, linewidth=0)
        match = match_of(draw for one in series for draw in one.result.draws)
        if match and match.rule == "radius":
            axis.axvline(match.radius, color=GREY, linewidth=0.8)
            axis.annotate(
                f" r = {match.radius:g} px, used in tables",
                (match.radius, 1),
                color=GREY,
                fontsize=7,
                va="bottom",
            )
        axis.set(xlabel="matching radius (px)", ylabel="F1 (%), stretched towards 100", xlim=(0, None))
        percent_scale(axis)
        put_legend(figure, entries, lacking(series))
    return figure


def _styles(series: Collection[Series]) -> dict[str, dict]:
    """Methods in colour, the frame in grey; several ceilings differ in their dashes."""
    styles = {method: {**look, "markersize": 3.5} for method, look in looks(methods_of(series)).items()}
    ceilings = cycle(CEILINGS)
    for one in series:
        if one.kind != "method":
            dashes = {"linestyle": next(ceilings)} if one.kind == "ceiling" else {}
            styles[one.method] = BOUND[one.kind] | dashes
    return styles


def _label(series: Series) -> str:
    return series.name if series.kind == "method" else f"{series.kind}: {series.name}"


def _curve(series: Series) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Radii, and mean, least and most F1 in percent over the draws."""
    found = [curve for draw in series.result.ok if (curve := draw.metrics.f1_curve)]
    if not found:
        return None
    # Draws of one configuration have the same radii; should one differ, the first sets the scale.
    radii = np.array(found[0].radii, float)
    f1 = 100 * np.array([np.interp(radii, curve.radii, np.array(curve.f1, float)) for curve in found])
    return radii, f1.mean(axis=0), f1.min(axis=0), f1.max(axis=0)
