"""
Reads only the files that jobs leave, so it may be asked at any time and from anywhere.

examples:
  dotbench status
  dotbench status --configfile config/demo.yaml --failed
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from dotbench.cards.paper import trials_needed
from dotbench.commands.common import add_configfile, plan_from
from dotbench.lost import explain
from dotbench.outcomes import Outcome, outcomes
from dotbench.plan import Plan

GROUPS = {"ok": ("ok",), "running": ("running",), "waiting": ("not_run",), "n/a": ("not_applicable",)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--failed", action="store_true", help="also list every trial that failed, and why")
    add_configfile(parser)


def run(given: argparse.Namespace) -> int:
    plan = plan_from(given)
    trials = outcomes(plan)
    _print_table("method", _grouped(trials, lambda trial: [trial.trial.method]))
    print()
    _print_table("table", _grouped(trials, _tables_of(plan)))
    failed = [trial for trial in trials if _column(trial) == "failed"]
    if given.failed:
        for trial in failed:
            print(f"\n{trial.trial}: {trial.status}\n  {trial.reason}")
        for trial in trials:
            why = explain(trial.trial, plan.layout) if trial.status == "not_run" else None
            if why:
                print(f"\n{trial.trial}: no result\n  {why}")
    elif failed:
        print(f"\n{len(failed)} failed; next: dotbench status --failed")
    return 0


def _column(trial: Outcome) -> str:
    return next((name for name, statuses in GROUPS.items() if trial.status in statuses), "failed")


def _grouped(trials: list[Outcome], keys: Callable[[Outcome], Iterable[str]]) -> dict[str, list[Outcome]]:
    groups = defaultdict(list)
    for trial in trials:
        for key in keys(trial):
            groups[key].append(trial)
    return dict(sorted(groups.items()))


def _tables_of(plan: Plan) -> Callable[[Outcome], list[str]]:
    tables = {
        f"{paper.id}/{table}": set(map(plan.layout.home, trials_needed(paper, plan.config.draws, table)))
        for paper in plan.papers.values()
        for table in paper.all_tables
    }
    return lambda trial: [name for name, needed in tables.items() if trial.trial in needed] or ["(runs)"]


def _print_table(title: str, groups: dict[str, list[Outcome]]) -> None:
    columns = [*GROUPS, "failed"]
    width = max([len(title), *map(len, groups)])
    print(f"{title:<{width}}" + "".join(f"{column:>9}" for column in columns) + "  time left")
    for name, trials in groups.items():
        counts = Counter(map(_column, trials))
        print(
            f"{name:<{width}}"
            + "".join(f"{counts[column] or '':>9}" for column in columns)
            + f"  {_left(trials)}"
        )


def _left(trials: list[Outcome]) -> str:
    """Work that remains, one job after the other: what the done trials cost, times those still to do."""
    todo = [trial for trial in trials if trial.status == "not_run"]
    running = [trial.left for trial in trials if trial.left is not None]
    if not todo and not running:
        return "done"
    costs = [trial.seconds for trial in trials if trial.status == "ok" and trial.seconds]
    if todo and not costs:
        return "unknown: none is done yet"
    seconds = sum(running) + (len(todo) * sum(costs) / len(costs) if todo else 0)
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min of work" if hours else f"{max(minutes, 1)} min of work"
