"""Trials in the groups that figures draw: one group a method, with what its draws gave together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dotbench.cards.paper import Bounds
from dotbench.contract.layout import Layout
from dotbench.contract.trial import Trial
from dotbench.report.result import Result, read_result


@dataclass(frozen=True)
class Series:
    """The draws of one method on one split."""

    method: str
    name: str
    n: int
    trials: tuple[Trial, ...]
    result: Result

    @property
    def kind(self) -> str:
        """floor, chance, ceiling, or method."""
        bounds = Bounds()
        return next((kind for kind in Bounds.model_fields if self.method in bounds.of(kind)), "method")


def series_of(
    trials: Collection[Trial], layout: Layout, names: Mapping[str, str] | None = None
) -> list[Series]:
    """All methods of these trials, by N; those without a result have an empty one."""
    groups: dict[tuple[str, int], list[Trial]] = {}
    for trial in sorted(trials):
        groups.setdefault((trial.method, trial.n), []).append(trial)
    return [
        Series(method, (names or {}).get(method, method), n, tuple(draws), read_result(draws, layout))
        for (method, n), draws in sorted(groups.items())
    ]


def where(trials: Collection[Trial]) -> str:
    """The data and protocol of a figure's trials, for its title."""
    parts = {(trial.dataset, trial.protocol) for trial in trials}
    numbers = sorted({trial.n for trial in trials})
    text = "; ".join(f"{dataset}, protocol {protocol}" for dataset, protocol in sorted(parts))
    return f"{text}, N={numbers[0]}" if len(numbers) == 1 else text


def methods_of(series: Collection[Series]) -> list[str]:
    """The methods in a fixed order, without the controls: whoever has a look in one figure has it in all."""
    return sorted({one.method for one in series if one.kind == "method"})


def lacking(series: Collection[Series]) -> str:
    """Which methods a figure cannot show, each with its status: a figure that hides failures lies."""
    found = set()
    for one in series:
        if not one.result.ok:
            statuses = sorted({draw.status.replace("_", " ") for draw in one.result.draws})
            found.add(f"{one.name} ({', '.join(statuses)})")
    return f"without: {', '.join(sorted(found))}" if found else ""
