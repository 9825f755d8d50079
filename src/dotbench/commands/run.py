"""
A trial is dataset/protocol/n<images>/draw<number>/method; * and ? match as in file names. What is finished is
kept, a training that was cut off resumes, what failed is tried again.

examples:
  dotbench run vgg/xie2015/n32/draw0/fcrn_a@ours     one training and its score
  dotbench run 'vgg/xie2015/*/fcrn_a@ours'           every one of them that the configuration has
  dotbench run --configfile config/demo.yaml '*'     the demo's trials
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from dotbench.commands.common import add_configfile, plan_from
from dotbench.contract.records import Metrics
from dotbench.contract.trial import Trial
from dotbench.errors import UserError, in_words
from dotbench.plan import Plan
from dotbench.steps import provide, walk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "trials", nargs="+", metavar="TRIAL", help="trials, or patterns of trials of the configuration"
    )
    parser.add_argument("--force", action="store_true", help="do everything anew, finished or not")
    add_configfile(parser)


def run(given: argparse.Namespace) -> int:
    plan = plan_from(given)
    trials = [trial for pattern in given.trials for trial in matching(plan, pattern)]
    provided: dict[str, bool] = {}
    failed = 0
    for number, trial in enumerate(trials, start=1):
        print(f"[{number}/{len(trials)}] {trial}", file=sys.stderr, flush=True)
        if trial.dataset not in provided:
            provided[trial.dataset] = _works(trial.dataset, lambda name: provide(plan, name, given.force))
        elif not provided[trial.dataset]:
            print(
                f"{trial}: left out, because there is no dataset {trial.dataset}: see above", file=sys.stderr
            )
        if not provided[trial.dataset] or not _works(trial, lambda trial: walk(plan, trial, given.force)):
            failed += 1
            continue
        metrics = Metrics.read(plan.layout.trial(trial))
        failed += not metrics.ok
        print(f"{trial}: {summary(metrics)}", flush=True)
    return 1 if failed else 0


def _works(what: object, step: Callable[[Any], None]) -> bool:
    """Whatever is wrong with one trial or dataset is told, and the others go on."""
    try:
        step(what)
    except UserError as problem:
        print(f"{what}: {problem}", file=sys.stderr)
        return False
    except Exception as problem:
        traceback.print_exc()
        print(f"{what}: {in_words(problem)}", file=sys.stderr)
        return False
    return True


def matching(plan: Plan, pattern: str) -> list[Trial]:
    """The trials that a name or pattern means; a full name need not be in the configuration."""
    if not set(pattern) & set("*?["):
        trial: Trial | None = Trial.parse(pattern)
        plan.include(trial)
        named = [plan.layout.home(trial)]
        while trial is not None:
            # A card that the configuration does not list is fine here: the trial was asked for by name.
            plan.include(trial)
            trial = plan.start(trial)
        return named
    found = [trial for trial in plan.shown if fnmatchcase(str(trial), pattern)]
    if not found:
        raise UserError(
            f"no trial of the configuration matches {pattern!r}",
            allowed=f"{len(plan.trials)} trials, e.g. {plan.trials[0]}"
            if plan.trials
            else "the configuration has none",
            next="results/tables/trials.csv lists all; a full name runs any trial, in the configuration or not",
        )
    return list(dict.fromkeys(map(plan.layout.home, found)))


def summary(metrics: Metrics) -> str:
    if not metrics.ok:
        return f"{metrics.status}: {metrics.reason}"
    return f"MAE {metrics.metric('mae').value:.2f}, {_places(metrics)}"


def _places(metrics: Metrics) -> str:
    if metrics.f1_curve is None:
        return "counts without places"
    f1 = metrics.metric("f1").value
    return "no cell, and none found: no F1" if f1 is None else f"F1 {100 * f1:.1f} %"
