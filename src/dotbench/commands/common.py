"""What several commands share: which configuration they speak of."""

from __future__ import annotations

import argparse
from pathlib import Path

from dotbench.paths import CONFIG
from dotbench.plan import Plan, read_plan


def add_configfile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile",
        type=Path,
        action="append",
        metavar="FILE",
        help="the configuration, as given to snakemake; with config/config.yaml below it (default: that alone)",
    )


def plan_from(given: argparse.Namespace) -> Plan:
    """The plan as Snakemake would make it: config/config.yaml with the given files over it."""
    return read_plan(CONFIG / "config.yaml", *(given.configfile or ()))
