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

from dotbench.cards.paper import cells_needed
from dotbench.cells import Outcome, outcomes
from dotbench.commands.common import add_configfile, plan_from
from dotbench.lost import explain
from dotbench.plan import Plan

GROUPS = {"ok": ("ok",), "running": ("running",), "waiting": ("not_run",), "n/a": ("not_applicable",)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--failed", action="store_true", help="also list every cell that failed, and why")
    add_configfile(parser)


def run(given: argparse.Namespace) -> int:
    plan = plan_from(given)
    cells = outcomes(plan)
    _print_table("method", _grouped(cells, lambda cell: [cell.cell.method]))
    print()
    _print_table("table", _grouped(cells, _tables_of(plan)))
    failed = [cell for cell in cells if _column(cell) == "failed"]
    if given.failed:
        for cell in failed:
            print(f"\n{cell.cell}: {cell.status}\n  {cell.reason}")
        for cell in cells:
            why = explain(cell.cell, plan.layout) if cell.status == "not_run" else None
            if why:
                print(f"\n{cell.cell}: no result\n  {why}")
    elif failed:
        print(f"\n{len(failed)} failed; next: dotbench status --failed")
    return 0


def _column(cell: Outcome) -> str:
    return next((name for name, statuses in GROUPS.items() if cell.status in statuses), "failed")


def _grouped(cells: list[Outcome], keys: Callable[[Outcome], Iterable[str]]) -> dict[str, list[Outcome]]:
    groups = defaultdict(list)
    for cell in cells:
        for key in keys(cell):
            groups[key].append(cell)
    return dict(sorted(groups.items()))


def _tables_of(plan: Plan) -> Callable[[Outcome], list[str]]:
    tables = {
        f"{paper.id}/{table}": set(cells_needed(paper, plan.config.draws, table))
        for paper in plan.papers.values()
        for table in paper.all_tables
    }
    return lambda cell: [name for name, needed in tables.items() if cell.cell in needed] or ["(runs)"]


def _print_table(title: str, groups: dict[str, list[Outcome]]) -> None:
    columns = [*GROUPS, "failed"]
    width = max([len(title), *map(len, groups)])
    print(f"{title:<{width}}" + "".join(f"{column:>9}" for column in columns) + "  time left")
    for name, cells in groups.items():
        counts = Counter(map(_column, cells))
        print(
            f"{name:<{width}}"
            + "".join(f"{counts[column] or '':>9}" for column in columns)
            + f"  {_left(cells)}"
        )


def _left(cells: list[Outcome]) -> str:
    """Work that remains, one job after the other: what the done cells cost, times those still to do."""
    todo = [cell for cell in cells if cell.status == "not_run"]
    running = [cell.left for cell in cells if cell.left is not None]
    if not todo and not running:
        return "done"
    costs = [cell.seconds for cell in cells if cell.status == "ok" and cell.seconds]
    if todo and not costs:
        return "unknown: none is done yet"
    seconds = sum(running) + (len(todo) * sum(costs) / len(costs) if todo else 0)
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min of work" if hours else f"{max(minutes, 1)} min of work"
