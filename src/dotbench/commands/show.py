"""
examples:
  dotbench show                          all families of methods, with the ids of each
  dotbench show saunet                   the ids of one family
  dotbench show saunet-inverse@ours      its card, each value with the file and line that it comes from
  dotbench show saunet@ours --volumes    as it holds for 3D images
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dotbench.cards import load_method
from dotbench.cards.families import Family, family_ids
from dotbench.cards.load import Source, Where
from dotbench.paths import CONFIG, ROOT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="of a method or a family (default: list all)")
    parser.add_argument("--volumes", action="store_true", help="the card as it holds for 3D images")


def run(given: argparse.Namespace) -> int:
    families = family_ids(CONFIG)
    ids = {family: [str(id) for id in Family(CONFIG, family).ids()] for family in families}
    if given.id is None or (given.id in ids and given.id not in ids[given.id]):
        for family in families if given.id is None else [given.id]:
            print(f"{family}: {', '.join(ids[family])}" if ids[family] != [family] else family)
        return 0
    card = load_method(given.id)
    source = (card.of(3) if given.volumes else card)._source
    lines = list(_lines(source, source.content, ()))
    width = min(max(len(text) for text, _ in lines), 90)
    print(f"# {card.id}")
    for text, place in lines:
        print(f"{text:<{width}}  # {place}" if place else text)
    return 0


def _lines(source: Source, value: Any, where: Where) -> Iterator[tuple[str, str]]:
    """The card as YAML, line by line, with the place of each value."""
    indent = "  " * len(where)
    for key, inner in value.items():
        here = (*where, key)
        if key == "volumes" and not where:
            # What it says of volumes is shown by --volumes, merged with the rest.
            continue
        if isinstance(inner, dict) and inner:
            yield f"{indent}{key}:", ""
            yield from _lines(source, inner, here)
        else:
            text = (
                yaml.safe_dump(inner, default_flow_style=True, width=10_000).removesuffix("\n...\n").strip()
            )
            yield f"{indent}{key}: {text}", _relative(source.at(here))


def _relative(place: str) -> str:
    file, _, line = place.rpartition(":")
    path = Path(file)
    return f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{line}"
