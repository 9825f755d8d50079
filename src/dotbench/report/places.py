"""The places of a paper's table, filled with what the trials gave and judged against what is printed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from dotbench.cards.metrics import METRICS
from dotbench.cards.paper import Asked, Bounds, PaperCard, Printed, ScoreTable
from dotbench.contract.layout import Layout
from dotbench.contract.trial import Trial
from dotbench.report.numbers import decimals_for
from dotbench.report.result import Draw, Result, Value, read_result
from dotbench.report.verdict import Verdict, judge

BOUNDS = tuple(Bounds.model_fields)
# Outcomes that are nobody's mistake: no attempt was made, so nothing failed.
NOT_TRIED = ("not_run", "not_applicable", "missing_weights")
UNJUDGED = Verdict("")


@dataclass(frozen=True)
class Place:
    """One place of the table once its trials were read."""

    section: str
    """paper, beside (a method that the printed table does not have), floor, chance or ceiling"""
    row: str
    column: int
    trial: Trial
    """that of the first draw"""
    metric: str
    result: Result
    value: Value | None
    verdict: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()
    printed: Printed | None = None
    prints: str = ""
    judged: Verdict = UNJUDGED

    @property
    def decimals(self) -> int:
        return max(decimals_for(self.value and self.value.mean), self.printed.decimals if self.printed else 0)


class Reader:
    """Reads the trials of one table; every method, in the paper or not, is only a name here."""

    def __init__(self, paper: PaperCard, table: ScoreTable, configured: Collection[Trial], layout: Layout):
        self.paper, self.table, self.layout = paper, table, layout
        self.asked = list(table.asked())
        self.known = {key: {getattr(trial, key) for trial in configured} for key in ("method", "dataset")}
        self.draws: dict[tuple, list[Trial]] = {}
        for trial in sorted(configured):
            self.draws.setdefault((split_of(trial), trial.method), []).append(trial)
        self.results: dict[tuple, Result] = {}

    def printed(self) -> Iterator[Place]:
        """The paper's own rows."""
        for asked in self.asked:
            place = self._place("paper", asked.label, asked, asked.trials[0].method)
            yield self._judged(replace(place, printed=asked.printed), asked)

    def beside(self, names: Mapping[str, str]) -> Iterator[Place]:
        """Configured methods that the paper does not have, at the very same splits."""
        known = {row.method for row in self.table.rows} | set(self.paper.bounds.methods)
        splits = {split_of(asked.trials[0]) for asked in self.asked}
        for method in sorted({method for split, method in self.draws if split in splits} - known):
            for context in self._contexts():
                if any((split_of(asked.trials[0]), method) in self.draws for asked in context):
                    for asked in context:
                        yield self._place("beside", names.get(method, method), asked, method)

    def bound(self, kind: str, names: Mapping[str, str]) -> Iterator[Place]:
        """The controls of a kind, where they say something about the metric."""
        located = self.table.locates
        for method in self.paper.bounds.of(kind):
            for asked in (asked for context in self._contexts() for asked in context):
                metric = METRICS[asked.metric]
                if metric.better is None or (kind == "floor" and metric.about != "count"):
                    continue
                if kind == "chance":
                    # Random places have the right count by construction: only their F1 says something. It belongs
                    # to the columns about places, or to every value where there are none.
                    if not (located and metric.about == "count"):
                        f1 = asked.metric if "f1" in asked.metric else "f1"
                        yield self._place(
                            kind,
                            f"Chance, F1 (%): {names.get(method, method)}",
                            replace(asked, metric=f1),
                            method,
                        )
                    continue
                yield self._place(kind, f"{kind.capitalize()}: {names.get(method, method)}", asked, method)

    def _contexts(self) -> Iterator[list[Asked]]:
        """Where a row that is not in the paper can stand: one row of places, or one for each N of the rows."""
        seen = set()
        for row in range(len(self.table.rows)):
            places = [asked for asked in self.asked if asked.row == row]
            n = places[0].trials[0].n if self.table.n_in_rows else None
            if n not in seen:
                seen.add(n)
                yield places

    def _place(self, section: str, row: str, asked: Asked, method: str) -> Place:
        trial = replace(asked.trials[0], method=method)
        key = (split_of(trial), method)
        draws = list(dict.fromkeys(map(self.layout.home, self.draws.get(key, []))))
        if key not in self.results:
            self.results[key] = read_result(draws, self.layout)
        result = self.results[key]
        value = result.value(asked.metric)
        verdict, why = ("", "") if value else self._missing(trial, asked.metric, result)
        notes = troubles(result) if draws and (value or not result.ok) else (why,)
        wanted = {self.layout.home(replace(one, method=method)) for one in asked.trials}
        if value and section == "paper" and len(wanted) > len(draws):
            notes += (f"{len(draws)} of the paper's {len(asked.trials)} draws are configured",)
        return Place(
            section,
            row,
            asked.column,
            trial,
            asked.metric,
            result,
            value,
            verdict,
            why,
            notes,
            prints=asked.prints,
        )

    def _missing(self, trial: Trial, metric: str, result: Result) -> tuple[str, str]:
        """The verdict and the reason where there is no value."""
        if result.ok:
            return "not_comparable", f"{trial.method} gives no {METRICS[metric].label}"
        if result.draws:
            status = result.draws[0].status
            return "not_run" if status in NOT_TRIED else "failed", "; ".join(troubles(result))
        # Without names, so that one footnote serves all rows; the row says which method and data are meant.
        for key, known in self.known.items():
            if getattr(trial, key) not in known:
                return "not_run", f"no such {key} is configured"
        return "not_run", "the method is configured, but not for this dataset, protocol and N"

    def _judged(self, place: Place, asked: Asked) -> Place:
        if place.value is None or asked.printed.value is None:
            return place
        judged = judge(place.value.mean, asked.printed, METRICS[place.metric], self.table.tolerance)
        if asked.incomparable:
            judged = replace(judged, name="not_comparable")
            place = replace(place, why=asked.incomparable, notes=(*place.notes, asked.incomparable))
        return replace(place, judged=judged, verdict=judged.name)


def split_of(trial: Trial) -> tuple[str, str, int]:
    """What trials share that may stand in one row: the images, whatever the draw."""
    return trial.dataset, trial.protocol, trial.n


def troubles(result: Result) -> tuple[str, ...]:
    """Footnotes on the draws that gave nothing, one for all that share a reason."""
    reasons: dict[tuple[str, str], list[Draw]] = {}
    for draw in result.troubled:
        reasons.setdefault((draw.status, draw.reason), []).append(draw)
    return tuple(_told(*why, draws, len(result.draws)) for why, draws in reasons.items())


def _told(status: str, reason: str, draws: list[Draw], asked: int) -> str:
    share = "" if len(draws) == asked else f"{len(draws)} of {asked} draws: "
    if status == "not_run":
        # Without the trial's name, so that one note serves a whole table while a run is under way.
        return f"{share}no result yet (dotbench status tells why)"
    first = draws[0].trial
    numbers = ", ".join(str(draw.trial.draw) for draw in draws)
    where = f"{first}" if len(draws) == 1 else f"{split_text(first)}/{first.method}, draws {numbers}"
    log = next((draw.log for draw in draws if draw.log), None)
    told = f"{share}{where}: {status.replace('_', ' ')}" + (f": {reason}" if reason else "")
    return told + (f" (log: {log})" if log else "")


def split_text(trial: Trial) -> str:
    return f"{trial.dataset}/{trial.protocol}/n{trial.n}"
