"""The path from download to score, a step at a time: `dotbench run` walks it, each Snakemake job does one of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from dotbench.cards.kernels import Kernel
from dotbench.contract.predictions import write_predict_failure, write_train_failure
from dotbench.contract.trial import Trial
from dotbench.data.dataset import Dataset
from dotbench.data.splits import Split
from dotbench.errors import UserError
from dotbench.files import read_csv, read_json
from dotbench.guard import ASKED_TO_STOP, guard
from dotbench.locks import alone
from dotbench.plan import Plan
from dotbench.targets.write import write_target_failure

# Imports of what a step needs stand in its function: a job that scores must not wait for torch.


def fetch(plan: Plan, dataset: str) -> None:
    from dotbench.data.fetch import fetch

    fetch(plan.datasets[dataset], plan.layout, plan.config.mirrors)


def prepare(plan: Plan, dataset: str) -> None:
    from dotbench.data.prepare import prepare

    prepare(plan.datasets[dataset], plan.layout)


def split(plan: Plan, trial: Trial) -> None:
    from dotbench.data.splits import make_split

    card = plan.datasets[trial.dataset]
    rows = read_csv(plan.layout.dataset(card.id) / "images.csv")
    made = make_split(
        trial.protocol,
        [row | {"labelled": row["labelled"] == "True"} for row in rows],
        trial.n,
        trial.draw,
        dataset=card.id,
        seed=plan.config.seed,
        test=card.test,
        patch=card.patches.get(trial.protocol),
    )
    made.write(plan.layout.split(trial))


def target(plan: Plan, dataset: str, kernel: Kernel) -> None:
    from dotbench.targets import write_targets

    layout = plan.layout
    write_targets(Dataset.open(layout.dataset(dataset)), kernel, layout.target(dataset, kernel.slug))


def train(plan: Plan, trial: Trial) -> None:
    from dotbench.training.task import Task

    layout, card, start = plan.layout, plan.method(trial), plan.start(trial)
    task = Task(
        trial,
        card,
        plan.datasets[trial.dataset],
        Split.read(layout.split(trial)),
        Dataset.open(layout.dataset(trial.dataset)),
        targets=layout.target(trial.dataset, card.kernel.slug) if card.kind == "network" else None,
        out=layout.trial(trial),
        checkpoints=layout.checkpoint(trial),
        start=start and layout.trial(start),
        device=plan.config.device,
        deterministic=plan.config.deterministic,
        seed=plan.config.seed,
        threads=card.needs.threads,
    )
    importlib.import_module(f"dotbench.training.{card.kind}").train(task)


def predict(plan: Plan, trial: Trial) -> None:
    from dotbench.predict.task import Task
    from dotbench.predict.trial import predict_trial
    from dotbench.score.matching import match

    layout, card, start = plan.layout, plan.method(trial), plan.start(trial)
    predict_trial(
        Task(
            trial,
            card,
            plan.datasets[trial.dataset],
            Split.read(layout.split(trial)),
            Dataset.open(layout.dataset(trial.dataset)),
            folder=layout.trial(trial),
            match=match,
            start=start and layout.trial(start),
            device=plan.config.device,
            deterministic=plan.config.deterministic,
            seed=plan.config.seed,
            threads=card.needs.threads,
            log=layout.log("predict", trial),
        )
    )


def score(plan: Plan, trial: Trial) -> None:
    from dotbench.score.trial import score_trial

    layout = plan.layout
    dataset = Dataset.open(layout.dataset(trial.dataset))
    score_trial(
        trial, layout.trial(trial), Split.read(layout.split(trial)), dataset, plan.datasets[trial.dataset]
    )


def provide(plan: Plan, dataset: str, force: bool = False) -> None:
    """The dataset of a trial, fetched and prepared."""
    with alone(plan.layout.lock(dataset), f"prepares {dataset}", wait=True):
        if force or not (plan.layout.dataset(dataset) / "dataset.json").is_file():
            fetch(plan, dataset)
            prepare(plan, dataset)


def walk(plan: Plan, trial: Trial, force: bool = False) -> None:
    """Every step that a trial still needs once its dataset is there. What goes wrong becomes the trial's status, as in
    a job of Snakemake; what went wrong last time is tried again."""
    layout, card = plan.layout, plan.method(trial)
    again = force
    if (start := plan.start(trial)) is not None:
        provide(plan, start.dataset)
        walk(plan, start)

    def due(folder: Path, *files: str) -> bool:
        return again or not all(_stands(folder / file) for file in files)

    with alone(layout.lock(trial.dataset), f"prepares {trial.dataset}", wait=True):
        if due(layout.split(trial).parent, layout.split(trial).name):
            split(plan, trial)
        if card.kind == "network" and plan.trains(trial):
            if due(layout.target(trial.dataset, card.kernel.slug), "target.json"):
                _target(plan, trial.dataset, card.kernel)
    with alone(layout.lock(trial), "works on this very trial"):
        folder = layout.trial(trial)
        if plan.trains(trial) and due(folder, "train.json", "history.csv", "model.safetensors"):
            _guarded(plan, trial, "train", train, write_train_failure)
            again = True
        if due(folder, "counts.csv", "dots.csv", "run.json"):
            if card.kind == "rule":
                raise UserError(
                    f"{card.id} is a rule of its own, which only Snakemake can run",
                    next=f"snakemake --cores 1 {folder / 'metrics.json'} (with the same --configfile)",
                )
            _guarded(plan, trial, "predict", predict, write_predict_failure)
            again = True
        if due(folder, "metrics.json", "per_image.csv"):
            score(plan, trial)


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


def _guarded(plan: Plan, trial: Trial, name: str, step: Callable, write_failure: Callable) -> None:
    log = plan.layout.log(name, trial)
    folder = plan.layout.trial(trial)
    ended = guard(lambda: step(plan, trial), lambda *why: write_failure(folder, trial, *why, log), log=log)
    _go_on(ended, log)


def _go_on(ended: int, log: Path) -> None:
    if ended == ASKED_TO_STOP:
        raise KeyboardInterrupt
    if ended:
        raise UserError(
            "no result, for the reason above", where=log, next="mend it and run the same command again"
        )
