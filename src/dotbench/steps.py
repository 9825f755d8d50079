"""The path from download to score, a step at a time: `dotbench run` walks it, each Snakemake job does one of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from dotbench.cards.kernels import Kernel
from dotbench.data.dataset import Dataset
from dotbench.data.splits import Split
from dotbench.errors import UserError
from dotbench.failure import write_predict_failure, write_target_failure, write_train_failure
from dotbench.guard import ASKED_TO_STOP, guard
from dotbench.locks import alone
from dotbench.paths import Cell
from dotbench.plan import Plan
from dotbench.records import read_csv, read_json

# Imports of what a step needs stand in its function: a job that scores must not wait for torch.


def fetch(plan: Plan, dataset: str) -> None:
    from dotbench.data.fetch import fetch

    fetch(plan.datasets[dataset], plan.layout, plan.config.mirrors)


def prepare(plan: Plan, dataset: str) -> None:
    from dotbench.data.prepare import prepare

    prepare(plan.datasets[dataset], plan.layout)


def split(plan: Plan, cell: Cell) -> None:
    from dotbench.data.splits import make_split

    card = plan.datasets[cell.dataset]
    rows = read_csv(plan.layout.dataset(card.id) / "images.csv")
    made = make_split(
        cell.protocol,
        [row | {"labelled": row["labelled"] == "True"} for row in rows],
        cell.n,
        cell.draw,
        dataset=card.id,
        seed=plan.config.seed,
        test=card.test,
        patch=card.patches.get(cell.protocol),
    )
    made.write(plan.layout.split(cell))


def target(plan: Plan, dataset: str, kernel: Kernel) -> None:
    from dotbench.targets import write_targets

    layout = plan.layout
    write_targets(Dataset.open(layout.dataset(dataset)), kernel, layout.target(dataset, kernel.slug))


def train(plan: Plan, cell: Cell) -> None:
    from dotbench.training.task import Task

    layout, card, start = plan.layout, plan.method(cell), plan.start(cell)
    task = Task(
        cell,
        card,
        plan.datasets[cell.dataset],
        Split.read(layout.split(cell)),
        Dataset.open(layout.dataset(cell.dataset)),
        targets=layout.target(cell.dataset, card.kernel.slug) if card.kind == "network" else None,
        out=layout.cell(cell),
        checkpoints=layout.checkpoint(cell),
        start=start and layout.cell(start),
        device=plan.config.device,
        deterministic=plan.config.deterministic,
        seed=plan.config.seed,
        threads=card.needs.threads,
    )
    importlib.import_module(f"dotbench.training.{card.kind}").train(task)


def predict(plan: Plan, cell: Cell) -> None:
    from dotbench.predict.cell import predict_cell
    from dotbench.predict.task import Task
    from dotbench.score.matching import match

    layout, card, start = plan.layout, plan.method(cell), plan.start(cell)
    predict_cell(
        Task(
            cell,
            card,
            plan.datasets[cell.dataset],
            Split.read(layout.split(cell)),
            Dataset.open(layout.dataset(cell.dataset)),
            folder=layout.cell(cell),
            match=match,
            start=start and layout.cell(start),
            device=plan.config.device,
            deterministic=plan.config.deterministic,
            seed=plan.config.seed,
            threads=card.needs.threads,
            log=layout.log("predict", cell),
        )
    )


def score(plan: Plan, cell: Cell) -> None:
    from dotbench.score.cell import score_cell

    layout = plan.layout
    dataset = Dataset.open(layout.dataset(cell.dataset))
    score_cell(cell, layout.cell(cell), Split.read(layout.split(cell)), dataset, plan.datasets[cell.dataset])


def provide(plan: Plan, dataset: str, force: bool = False) -> None:
    """The dataset of a cell, fetched and prepared."""
    with alone(plan.layout.lock(dataset), f"prepares {dataset}", wait=True):
        if force or not (plan.layout.dataset(dataset) / "dataset.json").is_file():
            fetch(plan, dataset)
            prepare(plan, dataset)


def walk(plan: Plan, cell: Cell, force: bool = False) -> None:
    """Every step that a cell still needs once its dataset is there. What goes wrong becomes the cell's status, as in
    a job of Snakemake; what went wrong last time is tried again."""
    layout, card = plan.layout, plan.method(cell)
    again = force
    if (start := plan.start(cell)) is not None:
        provide(plan, start.dataset)
        walk(plan, start)

    def due(folder: Path, *files: str) -> bool:
        return again or not all(_stands(folder / file) for file in files)

    with alone(layout.lock(cell.dataset), f"prepares {cell.dataset}", wait=True):
        if due(layout.split(cell).parent, layout.split(cell).name):
            split(plan, cell)
        if card.kind == "network" and plan.trains(cell):
            if due(layout.target(cell.dataset, card.kernel.slug), "target.json"):
                _target(plan, cell.dataset, card.kernel)
    with alone(layout.lock(cell), "works on this very cell"):
        folder = layout.cell(cell)
        if plan.trains(cell) and due(folder, "train.json", "history.csv", "model.safetensors"):
            _guarded(plan, cell, "train", train, write_train_failure)
            again = True
        if due(folder, "counts.csv", "dots.csv", "run.json"):
            if card.kind == "rule":
                raise UserError(
                    f"{card.id} is a rule of its own, which only Snakemake can run",
                    next=f"snakemake --cores 1 {folder / 'metrics.json'} (with the same --configfile)",
                )
            _guarded(plan, cell, "predict", predict, write_predict_failure)
            again = True
        if due(folder, "metrics.json", "per_image.csv"):
            score(plan, cell)


def _stands(file: Path) -> bool:
    """Whether it is there and does not say that there is no result for a reason that may have been mended."""
    if not file.is_file() or file.suffix != ".json":
        return file.is_file()
    return read_json(file).get("status", "ok") in ("ok", "not_applicable")


def _target(plan: Plan, dataset: str, kernel: Kernel) -> None:
    folder = plan.layout.target(dataset, kernel.slug)
    log = Path(plan.layout.results, "logs", "target", dataset, f"{kernel.slug}.log")
    ended = guard(
        lambda: target(plan, dataset, kernel), lambda *why: write_target_failure(folder, *why, log), log=log
    )
    _go_on(ended, log)


def _guarded(plan: Plan, cell: Cell, name: str, step: Callable, write_failure: Callable) -> None:
    log = plan.layout.log(name, cell)
    folder = plan.layout.cell(cell)
    ended = guard(lambda: step(plan, cell), lambda *why: write_failure(folder, cell, *why, log), log=log)
    _go_on(ended, log)


def _go_on(ended: int, log: Path) -> None:
    if ended == ASKED_TO_STOP:
        raise KeyboardInterrupt
    if ended:
        raise UserError(
            "no result, for the reason above", where=log, next="mend it and run the same command again"
        )
