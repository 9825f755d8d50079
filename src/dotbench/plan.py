"""The whole of a configuration: its cards and the trials to build, checked together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dotbench.cards import (
    Config,
    DatasetCard,
    MethodCard,
    PaperCard,
    Problems,
    card_ids,
    load_config,
    load_dataset,
    load_method,
    load_paper,
)
from dotbench.cards.config import Run
from dotbench.cards.kernels import Kernel
from dotbench.cards.load import Source, Where, validate
from dotbench.cards.paper import trials_needed
from dotbench.contract.layout import Layout
from dotbench.contract.trial import Trial, method_id
from dotbench.data.splits import PROTOCOLS, check_size, uses_all
from dotbench.errors import UserError, unknown
from dotbench.modules import has_module, no_module
from dotbench.paths import CONFIG

_LOAD = {"datasets": load_dataset, "methods": load_method, "papers": load_paper}


@dataclass(frozen=True)
class Plan:
    """What a configuration asks for."""

    config: Config
    datasets: dict[str, DatasetCard]
    methods: dict[str, MethodCard]
    papers: Mapping[str, PaperCard]
    read: Callable[[str, str], Any]
    """reads a card, given its kind and id, with what the configuration overrides of it"""

    def include(self, trial: Trial) -> None:
        """Reads the cards of a trial that the configuration does not list."""
        if trial.dataset not in self.datasets:
            self.datasets[trial.dataset] = self.read("datasets", trial.dataset)
        if trial.method not in self.methods:
            self.methods[trial.method] = self.read("methods", trial.method)
            self.__dict__.pop("layout", None)
        card = self.datasets[trial.dataset]
        if card.labelled is not None:
            # Before anything is downloaded.
            check_size(trial.protocol, trial.n, card.labelled, dataset=card.id, test=card.test)

    @cached_property
    def layout(self) -> Layout:
        untrained = frozenset(id for id, card in self.methods.items() if not card.learns)
        return Layout(Path(self.config.pathvars.results), Path(self.config.pathvars.resources), untrained)

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial to build, in a fixed order: of a method that does not learn one, whatever N and draw."""
        return tuple(sorted({self.layout.home(trial) for trial in self.shown}))

    @cached_property
    def shown(self) -> tuple[Trial, ...]:
        """Every trial that tables and figures show, in a fixed order."""
        wanted = {
            trial for paper in self.papers.values() for trial in trials_needed(paper, self.config.draws)
        }
        for run in self.config.runs:
            names = self._general if run.methods == "all" else run.methods
            wanted |= {
                Trial(run.dataset, run.protocol, n, draw, method)
                for n in run.n
                for draw in range(run.draws)
                for method in names
            }
        return tuple(
            sorted(
                trial
                for trial in wanted
                if trial.dataset in self.datasets and trial.method in self.methods and self.applies(trial)
            )
        )

    @cached_property
    def _general(self) -> list[str]:
        """Methods for any images: one that starts from another training is meant for images like those."""
        return [
            id
            for id, card in self.methods.items()
            if all(getattr(variant, "start", None) is None for variant in card.variants)
        ]

    @cached_property
    def kernels(self) -> Mapping[str, Kernel]:
        """Every kernel that a method trains on, by the name of its folder."""
        ndims = {card.ndim for card in self.datasets.values()}
        cards = [card for card in self.methods.values() if card.kind == "network"]
        kernels = [card.of(ndim).kernel for card in cards for ndim in ndims.intersection(card.ndim)]
        return {kernel.slug: kernel for kernel in kernels}

    def method(self, trial: Trial) -> MethodCard:
        """The trial's method, as its card has it for images of this dimension."""
        return self.methods[trial.method].of(self.datasets[trial.dataset].ndim)

    def applies(self, trial: Trial) -> bool:
        """Whether the method can be used there: for images of this dimension, with something to learn from.

        What only the prepared images tell (masks, unlabelled images) a job finds out, and says so.
        """
        dataset, card = self.datasets[trial.dataset], self.methods[trial.method]
        if dataset.ndim not in card.ndim:
            return False
        if trial.n == 0 and card.trains and self.start(trial) is None:
            return False
        unlabelled = getattr(getattr(card.of(dataset.ndim), "training", None), "unlabelled_batch", 0)
        return not unlabelled or not uses_all(trial.protocol, dataset.labelled, dataset.unlabelled)

    def start(self, trial: Trial) -> Trial | None:
        """The trial with whose weights the training of this one begins."""
        start = getattr(self.method(trial), "start", None)
        return start and start.trial

    def trains(self, trial: Trial) -> bool:
        return self.methods[trial.method].trains and self.applies(trial)


def read_plan(*files: Path, folder: Path = CONFIG) -> Plan:
    """The plan of configuration files, later ones over earlier ones."""
    return make_plan(load_config(*files), folder)


def plan_of(values: Mapping[str, Any], files: Iterable[str | Path], folder: Path = CONFIG) -> Plan:
    """The plan of values that were read elsewhere (Snakemake's `config`); `files` only tell where they stand."""
    files = [Path(file) for file in files]
    # A job of Snakemake gets values without files: then their keys say where they stand.
    lines = load_config(*files).lines if files else dict(_keys(values))
    return make_plan(Source(files[-1] if files else Path("configuration"), dict(values), lines), folder)


def _keys(values: Mapping[str, Any], above: Where = ()) -> Iterator[tuple[Where, str]]:
    for key, value in values.items():
        here = (*above, key)
        yield here, f"configuration, {'.'.join(map(str, here))}"
        if isinstance(value, Mapping):
            yield from _keys(value, here)


def make_plan(source: Source, folder: Path = CONFIG) -> Plan:
    """Reads and checks everything the configuration names; raises Problems with all that is wrong."""
    problems: list[UserError] = []

    def attempt(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except Problems as found:
            problems.extend(found.problems)
        except UserError as found:
            problems.append(found)

    config: Config | None = attempt(lambda: validate(Config, source))

    def ids(kind: str) -> list[str]:
        """What the configuration names, even when something else in it is wrong: all is told at once."""
        named = source.content.get(kind) if isinstance(source.content, dict) else None
        found = [id for id in named if isinstance(id, str)] if isinstance(named, list | tuple) else []
        return list(map(method_id, found)) if kind == "methods" else found

    def read(kind: str, id: str) -> Any:
        return _LOAD[kind](id, source.part(("overrides", kind, _key(source, kind, id))), folder=folder)

    def cards(kind: str) -> dict[str, Any]:
        known, loaded = card_ids(kind, folder), {}
        for index, id in enumerate(ids(kind)):
            if id not in known:
                where = source.at((kind, index))
                problems.append(
                    unknown(kind[:-1], id, known, where=where, next=f"or write config/{kind}/{id}.yaml")
                )
                continue
            card = attempt(lambda id=id: read(kind, id))
            if card is not None:
                loaded[id] = card
        return loaded

    datasets, methods, papers = (cards(kind) for kind in _LOAD)
    for card, key in [(card, "reader") for card in datasets.values()] + [
        (card, card.kind) for card in methods.values() if card.kind != "rule"
    ]:
        if not has_module(card.module):
            problems.append(no_module(card.module, card.line_of(key)))
    if config is None:
        raise Problems(problems)

    for kind in ("datasets", "methods"):
        known = card_ids(kind, folder)
        for id in getattr(config.overrides, kind):
            # One that exists and is not used here is fine: taking it off the list must not be an error.
            if id not in known:
                where = source.at(("overrides", kind, id))
                problems.append(unknown(f"{kind[:-1]} in overrides", id, known, where=where))
    for index, run in enumerate(config.runs):
        at = ("runs", index)
        if run.protocol not in PROTOCOLS:
            problems.append(unknown("protocol", run.protocol, PROTOCOLS, where=source.at((*at, "protocol"))))
        if run.dataset not in card_ids("datasets", folder):
            known = card_ids("datasets", folder)
            problems.append(unknown("dataset", run.dataset, known, where=source.at((*at, "dataset"))))
        for method in run.methods if run.methods != "all" else ():
            if method not in card_ids("methods", folder):
                known = card_ids("methods", folder)
                problems.append(unknown("method", method, known, where=source.at((*at, "methods"))))
        problems += _too_many(
            run, datasets.get(run.dataset), lambda number, at=at: source.at((*at, "n", number))
        )
    for card in methods.values():
        # What could not be read has been told already.
        problems += _start_problems(card, datasets, methods, {*ids("datasets"), *ids("methods")})
    if problems:
        raise Problems(problems)
    return Plan(config, datasets, methods, papers, read)


def _key(source: Source, kind: str, id: str) -> str:
    """How the configuration calls a card that it overrides: a method may have its old name there."""
    overrides = source.part(("overrides", kind)).content
    names = [name for name in overrides if isinstance(name, str) and method_id(name) == id]
    return names[0] if names and kind == "methods" else id


def _start_problems(
    card: MethodCard,
    datasets: Mapping[str, DatasetCard],
    methods: Mapping[str, MethodCard],
    named: Collection[str],
) -> Iterator[UserError]:
    """A method that starts from another training needs what that one needs."""
    for variant in card.variants:
        start, path = getattr(variant, "start", None), [card.id]
        while start is not None:
            where, path = card.line_of("start"), [*path, start.method]
            if start.protocol not in PROTOCOLS:
                yield unknown("protocol", start.protocol, PROTOCOLS, where=where)
            for kind, id, known in (("dataset", start.dataset, datasets), ("method", start.method, methods)):
                if id in known:
                    continue
                if id not in named:
                    yield UserError(
                        f"{card.id} starts from {start.trial}, and the configuration has no {kind} {id}",
                        where=where,
                        next=f"add {id} to `{kind}s:` of the configuration, or take {card.id} off `methods:`",
                    )
                return
            if start.method in path[:-1]:
                yield UserError(f"a training that starts from itself: {', '.join(path)}", where=where)
                return
            start = getattr(methods[start.method].of(datasets[start.dataset].ndim), "start", None)


def _too_many(run: Run, card: DatasetCard | None, line: Callable[[int], str]) -> Iterator[UserError]:
    """Numbers of training images that the dataset does not have, where its card tells how many it has."""
    if card is None or card.labelled is None or run.protocol not in PROTOCOLS:
        return
    for number, n in enumerate(run.n):
        try:
            check_size(run.protocol, n, card.labelled, dataset=card.id, test=card.test)
        except UserError as problem:
            yield UserError(
                f"{card.id}, {run.protocol}: {problem.what}",
                where=line(number),
                allowed=problem.allowed,
                next=problem.next,
            )
