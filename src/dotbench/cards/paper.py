"""Paper cards: the printed tables of a paper, and which trial of the benchmark answers each printed value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    WithJsonSchema,
    model_validator,
)

from dotbench.cards.base import Card, Id, MethodName, Part
from dotbench.cards.metrics import METRICS
from dotbench.contract.trial import Trial

NOTHING = ("", "-", "–", "N/A")
_NUMBER = r"\d+(?:\.\d+)?"


class Printed(Part):
    """What a paper prints in one place of a table: 2.9, 2.9±0.2, <52, 38.5–39.3, or nothing (N/A)."""

    text: str
    value: float | None = None
    sd: float | None = None
    high: float | None = None
    """end of a range that starts at `value`"""
    bound: Literal["<", ">"] | None = None
    decimals: int = 0


def _printed(given: Any) -> Printed:
    if isinstance(given, Printed):
        return given
    text = str(given).strip()
    if text in NOTHING:
        return Printed(text="N/A" if text == "" else text)
    found = re.fullmatch(
        rf"(?P<bound>[<>])?\s*(?P<value>{_NUMBER})\s*(?:±\s*(?P<sd>{_NUMBER})|–\s*(?P<high>{_NUMBER}))?\s*%?",
        text,
    )
    if not found:
        raise ValueError("expected a number as printed: 2.9, 2.9±0.2, <52, 38.5–39.3, 63.6% or N/A")
    numbers = {key: float(found[key]) for key in ("value", "sd", "high") if found[key]}
    decimals = len(found["value"].partition(".")[2])
    return Printed(text=text, bound=found["bound"], decimals=decimals, **numbers)


UNPRINTED = Printed(text="")
PrintedValue = Annotated[Printed, BeforeValidator(_printed), WithJsonSchema({"type": ["string", "number"]})]
MetricName = Annotated[Literal[tuple(METRICS)], Field(description="a key of metrics.json")]


class _Place(Part):
    """What a table, its columns and its rows may say of their trials; the innermost word counts."""

    dataset: Id | None = None
    protocol: Id | None = None
    n: NonNegativeInt | None = None
    """number of training images"""
    metric: MetricName | None = None
    prints: str | None = None
    """what the paper calls the metric, where its name is wrong"""
    incomparable: str | None = None
    """why our value cannot be held against the printed one"""


class Column(_Place):
    label: str
    group: str | None = None
    """a heading over neighbouring columns"""


class Row(_Place):
    label: str
    """as printed"""
    method: MethodName
    printed: tuple[PrintedValue, ...] = ()
    """one value a column; none in a table of questions that no paper has answered"""
    n_printed: str | None = None
    """what the paper prints for N, where that is not a number"""
    note: str | None = None


class Improvement(Part):
    """A row of relative drops, in percent, that the paper computes from its other rows."""

    label: str
    of: MethodName
    """the method that improves"""
    over: tuple[MethodName, ...] = ()
    """on the best of these; none: on the best of all other rows"""
    printed: tuple[PrintedValue, ...]


class Variant(Part):
    """The same rows under another protocol or on other data, as a table of its own beside the paper's."""

    title: str
    caption: str
    dataset: Id | None = None
    protocol: Id | None = None
    only: tuple[Id, ...] = ()
    """the datasets whose columns stay; none: all"""
    n: dict[Id, PositiveInt] = {}
    """numbers of training images, by dataset, where the paper's own cannot be had"""
    also: tuple[MethodName, ...] = ()
    """methods to run there beside the rows"""
    incomparable: str


@dataclass(frozen=True)
class Asked:
    """One place of a printed table: which trials answer it, by which metric, and what the paper has there."""

    row: int
    column: int
    label: str
    trials: tuple[Trial, ...]
    """one a draw, as many as the paper made"""
    metric: str
    prints: str
    printed: Printed
    incomparable: str | None


class ScoreTable(_Place):
    """A table of methods (rows) by data or metric (columns)."""

    kind: Literal["scores"]
    title: str
    caption: str = ""
    """what a reader must know of how the paper measured"""
    draws: PositiveInt = 1
    """how many random draws of training images the paper averages"""
    tolerance: PositiveFloat | None = None
    """largest difference that still counts as reproduced; null: the printed ±, else 10 % of the printed error"""
    columns: tuple[Column, ...] = Field(min_length=1)
    rows: tuple[Row, ...] = Field(min_length=1)
    improvements: tuple[Improvement, ...] = ()
    also: tuple[MethodName, ...] = ()
    """methods that the paper does not have, to be run on the same images and shown beside it"""
    beside: dict[Id, Variant] = {}

    @model_validator(mode="after")
    def _complete(self):
        width = len(self.columns)
        for part in (*self.rows, *self.improvements):
            if part.printed and len(part.printed) != width:
                raise ValueError(
                    f"row {part.label!r} has {len(part.printed)} printed values for {width} columns"
                )
        for column in self.columns:
            for row in self.rows:
                for key in ("dataset", "protocol", "n", "metric"):
                    if self._say(key, row, column) is None:
                        where = f"row {row.label!r}, column {column.label!r}"
                        raise ValueError(f"no {key} for {where}: give it in the table, the column or the row")
        methods = {row.method for row in self.rows}
        for part in self.improvements:
            if lost := {part.of, *part.over} - methods:
                raise ValueError(
                    f"row {part.label!r} compares methods without a row: {', '.join(sorted(lost))}"
                )
        return self

    def _say(self, key: str, row: Row, column: Column) -> Any:
        return next((word for part in (row, column, self) if (word := getattr(part, key)) is not None), None)

    @property
    def prints_values(self) -> bool:
        """Whether there is anything to hold ours against."""
        return any(row.printed for row in self.rows)

    @property
    def locates(self) -> bool:
        """Whether a column judges where cells are, and not only how many."""
        metrics = {METRICS[asked.metric] for asked in self.asked()}
        return any(metric.better and metric.about == "place" for metric in metrics)

    @property
    def n_in_rows(self) -> bool:
        """Whether N belongs to the rows, so that the table needs a column for it."""
        return any(row.n is not None for row in self.rows)

    def asked(self) -> Iterator[Asked]:
        """Every place of the table, row by row."""
        for i, row in enumerate(self.rows):
            for j, column in enumerate(self.columns):
                dataset, protocol, n, metric = (
                    self._say(k, row, column) for k in ("dataset", "protocol", "n", "metric")
                )
                trials = tuple(Trial(dataset, protocol, n, draw, row.method) for draw in range(self.draws))
                prints = self._say("prints", row, column) or METRICS[metric].label
                why = self._say("incomparable", row, column)
                printed = row.printed[j] if row.printed else UNPRINTED
                yield Asked(i, j, row.label, trials, metric, prints, printed, why)

    def variant(self, change: Variant) -> ScoreTable:
        """This table with another protocol or dataset, and only the columns that it makes sense for."""
        place = {key: word for key in ("dataset", "protocol") if (word := getattr(change, key)) is not None}
        keep = [
            j for j, column in enumerate(self.columns) if not change.only or column.dataset in change.only
        ]

        def changed(part: _Place) -> dict[str, Any]:
            dataset = place.get("dataset") or part.dataset or self.dataset
            return place | ({"n": change.n[dataset]} if part.n is not None and dataset in change.n else {})

        def kept(part: Any) -> dict[str, Any]:
            return {"printed": tuple(part.printed[j] for j in keep if part.printed)}

        return self.model_copy(
            update={
                **changed(self),
                "title": change.title,
                "caption": change.caption,
                "also": (*self.also, *change.also),
                "incomparable": change.incomparable,
                "columns": tuple(self.columns[j].model_copy(update=changed(self.columns[j])) for j in keep),
                "rows": tuple(row.model_copy(update=changed(row) | kept(row)) for row in self.rows),
                "improvements": tuple(part.model_copy(update=kept(part)) for part in self.improvements),
                "beside": {},
            }
        )


class Fact(Part):
    """What a paper says of one dataset."""

    label: str
    dataset: Id
    size: str
    """image size, as printed"""
    count: PrintedValue
    """cells an image, mean±sd"""
    type: str
    note: str | None = None


class FactsTable(Part):
    """A table that describes datasets, held against what `prepare` measured."""

    kind: Literal["facts"]
    title: str
    caption: str = ""
    rows: tuple[Fact, ...] = Field(min_length=1)


class Bounds(Part):
    """The controls that frame every table."""

    floor: MethodName = "mean"
    """counting without looking: what no method may be worse than"""
    chance: MethodName = "random_points"
    """random places: the F1 that means nothing"""
    ceiling: tuple[MethodName, ...] = ("perfect", "perfect-peeled", "perfect_inverse_distance")
    """true maps through the same post-processing: the best that can come out; the first stands beside every value"""

    def of(self, kind: str) -> tuple[str, ...]:
        """The methods of floor, chance or ceiling."""
        methods = getattr(self, kind)
        return (methods,) if isinstance(methods, str) else methods

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(method for kind in type(self).model_fields for method in self.of(kind))


PrintedTable = Annotated[ScoreTable | FactsTable, Field(discriminator="kind")]


class PaperCard(Card):
    tables: dict[Id, PrintedTable] = Field(min_length=1)
    bounds: Bounds = Bounds()
    notes: str = ""

    words: ClassVar[frozenset[str]] = Card.words

    @property
    def all_tables(self) -> dict[str, ScoreTable | FactsTable]:
        """Every table to build: the printed ones, each followed by its variants."""
        found: dict[str, ScoreTable | FactsTable] = {}
        for id, table in self.tables.items():
            found[id] = table
            if isinstance(table, ScoreTable):
                found |= {f"{id}_{name}": table.variant(change) for name, change in table.beside.items()}
        return found


def trials_needed(paper: PaperCard, draws: int | None = None, table_id: str | None = None) -> list[Trial]:
    """The trials that all tables of a paper, or one of them, ask for, with the controls beside them.

    `draws` caps the paper's own number of draws.
    """
    tables = paper.all_tables if table_id is None else {table_id: paper.all_tables[table_id]}
    needed: set[Trial] = set()
    for table in tables.values():
        if isinstance(table, ScoreTable):
            asked = [
                trial
                for place in table.asked()
                for trial in place.trials
                if draws is None or trial.draw < draws
            ]
            needed.update(asked)
            needed.update(
                replace(trial, method=id) for trial in asked for id in (*table.also, *paper.bounds.methods)
            )
    return sorted(needed)


def trials_shown(paper: PaperCard, table_id: str, configured: Iterable[Trial]) -> list[Trial]:
    """The configured trials that stand in a table: its rows, its controls, and other methods on the same images."""
    splits = {(trial.dataset, trial.protocol, trial.n) for trial in trials_needed(paper, table_id=table_id)}
    return sorted(trial for trial in configured if (trial.dataset, trial.protocol, trial.n) in splits)


def datasets_described(paper: PaperCard) -> list[str]:
    """The datasets whose facts a paper's tables state; they are prepared even if no trial needs them."""
    tables = (table for table in paper.tables.values() if isinstance(table, FactsTable))
    return sorted({fact.dataset for table in tables for fact in table.rows})
