"""The command line: finds the command, runs it, and turns problems into messages and exit codes."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from dotbench import __version__
from dotbench.errors import UserError, nearest

# name → module in dotbench.commands; modules load only when their command is given.
COMMANDS = {
    "check": "before a run: is everything in place? after a run: is every trial done?",
    "status": "what is done, running, failed and why, and how long the rest will take",
    "diff": "numeric difference of two result trees, with noise taken into account",
    "count": "count the cells in your own images with a method of the benchmark",
    "show": "the card of a method, each value with the file and line it comes from",
    "new-method": "the files of a new method, from a template",
    "run": "one or more trials from download to score, without Snakemake",
}

EXIT_CODES = """\
exit codes:
  0    all is well
  1    the command worked and found something wrong (a failed check, a difference)
  2    the command could not work; the message says what to do
  130  interrupted; run it again to continue
"""


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(arguments)
    except UserError as problem:
        print(f"dotbench: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("dotbench: interrupted; run the same command again to continue", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output (`| head`) has seen enough.
        sys.stderr.close()
        return 0


def _run(arguments: list[str]) -> int:
    name = arguments[0] if arguments and not arguments[0].startswith("-") else None
    if name is not None and name not in COMMANDS:
        hint = nearest(name, COMMANDS)
        raise UserError(
            f"unknown command {name!r}" + (f"; {hint}" if hint else ""),
            allowed=", ".join(COMMANDS),
            next="dotbench --help",
        )
    parser = argparse.ArgumentParser(
        prog="dotbench",
        description="Which method counts cells best, and do the papers' numbers hold?",
        epilog="dotbench COMMAND --help says more of a command.\n\n" + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dotbench {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command, description in COMMANDS.items():
        sub = commands.add_parser(
            command,
            help=description,
            description=description[0].upper() + description[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if command == name:
            module = importlib.import_module(f"dotbench.commands.{command.replace('-', '_')}")
            sub.epilog = f"{module.__doc__}\n{EXIT_CODES}"
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    given = parser.parse_args(arguments)
    return given.run(given)
