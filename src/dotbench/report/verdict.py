"""Whether a printed value was reproduced: the one place where ours and the paper's are held against each other."""

from __future__ import annotations

from dataclasses import dataclass

from dotbench.cards.metrics import Metric
from dotbench.cards.paper import Printed

# Floating-point noise must not turn "just within" into "outside".
SLACK = 1e-9


@dataclass(frozen=True)
class Look:
    """How a verdict is shown: the mark and the word do without colour."""

    mark: str
    word: str
    meaning: str


VERDICTS: dict[str, Look] = {
    "reproduced": Look("✓", "reproduced", "ours is within the tolerance of the printed value"),
    "better": Look("▲", "better", "ours is better than printed by more than the tolerance"),
    "worse": Look("▼", "worse", "ours is worse than printed by more than the tolerance"),
    "different": Look("≠", "different", "ours differs, and neither is the better one"),
    "not_comparable": Look(
        "⊘", "not comparable", "both values stand, but may not be held against each other"
    ),
    "failed": Look("✗", "failed", "every run of this trial failed"),
    "not_run": Look("○", "not run", "there is no result"),
}


@dataclass(frozen=True)
class Verdict:
    name: str
    difference: float | None = None
    """ours less printed, or less the nearer end of a printed range"""
    tolerance: float | None = None


def judge(ours: float, printed: Printed, metric: Metric, tolerance: float | None = None) -> Verdict:
    """`ours` is in the paper's units; a given tolerance goes before the paper's ± and the general 10 %."""
    if printed.value is None:
        raise ValueError("nothing is printed, so there is nothing to judge")
    if printed.bound:
        within = ours < printed.value if printed.bound == "<" else ours > printed.value
        difference = ours - printed.value
        return Verdict("reproduced" if within else _direction(difference, metric), difference)
    high = printed.value if printed.high is None else printed.high
    difference = min(ours - printed.value, 0) if ours < high else ours - high
    if printed.high is None and tolerance is None:
        tolerance = printed.sd if printed.sd is not None else tenth_of_error(printed.value, metric)
    if abs(difference) <= (tolerance or 0) + SLACK:
        return Verdict("reproduced", difference, tolerance)
    return Verdict(_direction(difference, metric), difference, tolerance)


def tenth_of_error(printed: float, metric: Metric) -> float:
    """10 % of the error that the printed value means.

    An F1 of 95 % is an error of 5 points. 10 % of 95 itself would call every row of a table reproduced by every other.
    """
    if metric.better == "high":
        printed = (100 if metric.percent else 1) - printed
    return abs(printed) / 10


def judge_fact(ours: float, printed: float, decimals: int) -> Verdict:
    """A fact is the same only if ours, rounded as the paper rounds, is what it prints."""
    same = abs(ours - printed) <= 0.5 * 10**-decimals + SLACK
    return Verdict("reproduced" if same else "different", ours - printed, 0.5 * 10**-decimals)


def _direction(difference: float, metric: Metric) -> str:
    if metric.better is None:
        return "different"
    if metric.better == "zero":
        return "worse"
    return "better" if (difference > 0) == (metric.better == "high") else "worse"
