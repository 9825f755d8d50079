"""How all figures look: one type size, one palette that colour-blind readers and greyscale printers can tell apart."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from dotbench.files import atomic

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that figures are alike everywhere
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
    "legend.frameon": False,
    "image.interpolation": "nearest",
    "savefig.dpi": 160,
    "svg.hashsalt": "dotbench",  # equal data give equal files
}
# Okabe and Ito's colours without the yellow, which vanishes on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "osD^vP*X<>ph"
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
GREY = "#767676"
# How the controls are drawn wherever they frame a figure.
BOUND = {
    "floor": {"color": GREY, "linestyle": (0, (1, 1.2))},
    "chance": {"color": GREY, "linestyle": (0, (4, 1.5))},
    "ceiling": {"color": GREY, "linestyle": "-"},
}
MAP = "viridis"
LEGEND_ROWS = 22


def looks(methods: Iterable[str]) -> dict[str, dict]:
    """Colour, marker and dash of each method, in the order given; figures of the same trials give the same order."""
    names = dict.fromkeys(methods)
    return {
        name: {
            "color": PALETTE[i % len(PALETTE)],
            "marker": MARKERS[i % len(MARKERS)],
            "linestyle": DASHES[i // len(PALETTE) % len(DASHES)],
        }
        for i, name in enumerate(names)
    }


def new_figure(width: float = 7.0, height: float = 4.0) -> Figure:
    """A figure that belongs to no window and no global state."""
    return Figure(figsize=(width, height), layout="constrained")


def styled():
    """The context in which figures are drawn and saved."""
    return matplotlib.rc_context(STYLE)


def nothing(title: str, why: str) -> Figure:
    """What stands where there is nothing to draw: a figure that says so."""
    with styled():
        figure = new_figure(7.0, 2.0)
        figure.suptitle(title)
        figure.text(0.5, 0.45, "\n".join(textwrap.wrap(why, 80)), ha="center", va="center", color=GREY)
    return figure


def save(figure: Figure, stem: Path | str) -> list[Path]:
    """<stem>.png, and <stem>.svg unless the figure is made of pixels; without dates, so that equal data give equal files."""
    suffixes = ("png",) if any(axis.images for axis in figure.axes) else ("png", "svg")
    paths = [Path(f"{stem}.{suffix}") for suffix in suffixes]
    with styled():
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
            with atomic(path) as temporary:
                figure.savefig(temporary, format=path.suffix[1:], metadata=metadata)
    return paths


def put_legend(figure: Figure, entries: Mapping[str, Artist], note: str = "", below: bool = False) -> None:
    """One legend for all panels, at the right or below them, and under the figure what a reader must know."""
    note = "\n".join(textwrap.wrap(note, int(14 * figure.get_figwidth())))
    if note and not (entries and below):
        figure.supxlabel(note, fontsize=7, color=GREY)
    if not entries:
        return
    if not below:
        columns = -(-len(entries) // LEGEND_ROWS)
        figure.legend(entries.values(), entries.keys(), loc="outside right upper", ncols=columns)
        return
    # As many columns as fit: a letter of 8 points is about 0.065 inches wide.
    columns = int(figure.get_figwidth() / (0.065 * max(map(len, entries)) + 0.6))
    legend = figure.legend(
        entries.values(),
        entries.keys(),
        loc="outside lower center" if figure.get_layout_engine() else "lower center",
        ncols=max(1, min(columns, len(entries))),
        # Under the figure there is room for one thing only.
        title=note or None,
        title_fontsize=7,
    )
    legend.get_title().set_color(GREY)


def percent_scale(axes: Axes) -> None:
    """The values from 0 to 100, stretched towards 100: from 95 to 97 two in five of the mistakes go, and it shows."""
    beyond = 100.3  # so that 100 itself has a place
    functions = (
        lambda value: -np.log(beyond - np.minimum(value, 100)),
        lambda value: beyond - np.exp(-value),
    )
    axes.set_yscale("function", functions=functions)
    axes.yaxis.set_major_locator(FixedLocator((0, 50, 80, 90, 95, 98, 99, 100)))
    axes.set_ylim(0, 100)


def log_scale(axis: Axis) -> None:
    """A logarithmic axis with ticks that people read: 1, 2, 3, 5, 10."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 7), numticks=12))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
