"""Numbers as readers want them: few digits, a true minus sign, a dash where there is nothing."""

from __future__ import annotations

import math

NOTHING = "–"
MINUS = "\N{MINUS SIGN}"


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def number(value: float | None, decimals: int | None = None, sign: bool = False) -> str:
    """3.14159 → 3.14; about three digits unless `decimals` says how many."""
    if not is_number(value):
        return NOTHING
    if decimals is None:
        decimals = decimals_for(value)
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return text
    return (MINUS if value < 0 else "+" if sign else "") + text


def decimals_for(value: float | None) -> int:
    if not is_number(value) or abs(value) < 0.0005 or (value == int(value) and abs(value) >= 100):
        return 0
    size = abs(value)
    return 3 if size < 0.1 else 2 if size < 10 else 1 if size < 1000 else 0


def with_sd(mean: float | None, sd: float | None, decimals: int | None = None) -> str:
    if decimals is None:
        decimals = decimals_for(mean)
    text = number(mean, decimals)
    return f"{text} ± {number(sd, decimals)}" if is_number(mean) and is_number(sd) else text


def interval(low: float | None, high: float | None, decimals: int | None = None) -> str:
    if not (is_number(low) and is_number(high)):
        return NOTHING
    if decimals is None:
        decimals = max(decimals_for(low), decimals_for(high))
    return f"{number(low, decimals)} to {number(high, decimals)}"


def duration(seconds: float | None) -> str:
    if not is_number(seconds):
        return NOTHING
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def big(count: float | None) -> str:
    """1365000 → 1.37 M"""
    if not is_number(count):
        return NOTHING
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:g}"


def plain(value: object) -> str:
    """A value as a CSV file holds it: equal runs give equal text."""
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return "" if value is None else str(value)
