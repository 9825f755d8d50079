"""
A and B are folders of results: two runs, or one's own beside results/published. A difference counts when the 95 %
bootstrap interval of the paired difference over test images leaves out zero.

examples:
  dotbench diff results/published results
  dotbench diff results/published results --all
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from dotbench.errors import UserError
from dotbench.score.diff import DIFFERENT, IDENTICAL, MISSING, NOISE, Difference, compare


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=Path, metavar="A")
    parser.add_argument("second", type=Path, metavar="B")
    parser.add_argument(
        "--all", action="store_true", help="also list trials that are identical or missing on one side"
    )


def run(given: argparse.Namespace) -> int:
    for folder in (given.first, given.second):
        if not folder.is_dir():
            raise UserError("no such folder of results", where=folder)
    found = list(compare(given.first, given.second))
    if not found:
        raise UserError(
            "no results in either folder", where=f"{given.first}, {given.second}", next="dotbench status"
        )
    shown = [one for one in found if given.all or one.verdict in (NOISE, DIFFERENT)]
    width = max((len(one.trial) for one in shown), default=0)
    for one in shown:
        print(f"{one.trial:<{width}}  {one.verdict:<13}{_numbers(one)}{one.why}")
    counts = Counter(one.verdict for one in found)
    print(", ".join(f"{counts[verdict]} {verdict}" for verdict in (IDENTICAL, NOISE, DIFFERENT, MISSING)))
    # Nothing in common is no agreement.
    return 1 if counts[DIFFERENT] or counts[MISSING] == len(found) else 0


def _numbers(one: Difference) -> str:
    return "" if one.mae is None else f"MAE {one.mae:+.3f}  F1 {100 * one.f1:+.2f} %  "
