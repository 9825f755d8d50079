"""
examples:
  dotbench new-method my_net                 a PyTorch network: two files
  dotbench new-method my_tool --kind rule    anything else: a rule, and a card

Edit the files, then put the id under `methods:` in the configuration. docs/add-a-method.md walks through it.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from string import Template

from dotbench.errors import UserError
from dotbench.paths import ROOT

TEMPLATES = Path(__file__).parent / "templates"

# kind → template and where its text goes
FILES = {
    "network": {
        "network.py": "src/dotbench/networks/{id}.py",
        "network.yaml": "config/methods/{id}.yaml",
    },
    "rule": {
        "rule.smk": "workflow/rules/methods/{id}.smk",
        "rule.yaml": "config/methods/{id}.yaml",
    },
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="lower case letters, digits and _; also the name of its files")
    parser.add_argument("--kind", choices=FILES, default="network", help="what it is (default: network)")


def run(given: argparse.Namespace) -> int:
    if not re.fullmatch("[a-z][a-z0-9_]*", given.id):
        raise UserError(
            f"{given.id!r} cannot be the id of a method",
            allowed="lower case letters, digits and _, starting with a letter, e.g. my_net",
        )
    files = {ROOT / path.format(id=given.id): template for template, path in FILES[given.kind].items()}
    taken = [str(path.relative_to(ROOT)) for path in files if path.exists()]
    if taken:
        raise UserError(f"{given.id!r} is taken", where=", ".join(taken), next="choose another id")
    for path, template in files.items():
        path.write_text(Template((TEMPLATES / template).read_text()).substitute(id=given.id))
        print(f"wrote {path.relative_to(ROOT)}")
    print(
        f"next: edit them, then try it: dotbench run --configfile config/demo.yaml sim2d/random/n8/draw0/{given.id}"
    )
    return 0
