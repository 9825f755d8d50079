"""Cards: all configuration, typed. One YAML file describes one dataset, method or paper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from dotbench.cards.config import Config
from dotbench.cards.dataset import DatasetCard
from dotbench.cards.load import Problems, Source, read_yaml, validate
from dotbench.cards.method import METHOD, ClassicalCard, MethodCard, NetworkCard, RuleCard
from dotbench.cards.paper import PaperCard
from dotbench.errors import UserError, unknown
from dotbench.paths import CONFIG

__all__ = [
    "ClassicalCard",
    "Config",
    "DatasetCard",
    "MethodCard",
    "NetworkCard",
    "PaperCard",
    "Problems",
    "RuleCard",
    "card_ids",
    "load_config",
    "load_dataset",
    "load_method",
    "load_paper",
]

KINDS = {"datasets": DatasetCard, "methods": METHOD, "papers": PaperCard}


def card_ids(kind: str, folder: Path = CONFIG) -> list[str]:
    """The ids of all cards of a kind (`datasets`, `methods`, `papers`)."""
    return sorted(file.stem for file in (folder / kind).glob("*.yaml"))


def load_dataset(id: str, overrides: Source | None = None, folder: Path = CONFIG) -> DatasetCard:
    return _load("datasets", id, overrides, folder)


def load_method(id: str, overrides: Source | None = None, folder: Path = CONFIG) -> MethodCard:
    return _load("methods", id, overrides, folder)


def load_paper(id: str, overrides: Source | None = None, folder: Path = CONFIG) -> PaperCard:
    return _load("papers", id, overrides, folder)


def load_config(*files: Path) -> Source:
    """One configuration from several files, later ones over earlier ones; not validated yet."""
    source = read_yaml(files[0])
    for file in files[1:]:
        source = source.updated(read_yaml(file))
    return source


def _load(kind: str, id: str, overrides: Source | None, folder: Path) -> object:
    file = folder / kind / f"{id}.yaml"
    if not file.is_file():
        raise unknown(f"{kind[:-1]} card", id, card_ids(kind, folder), next=f"write {file} or mend the name")
    source = _whole(file)
    if overrides is not None:
        source = source.updated(overrides)
    adapter: TypeAdapter | type = KINDS[kind]
    card = validate(adapter, source, {"id": id})
    card._source = source
    if getattr(card, "volumes", None):
        whole = source.updated(source.part(("volumes",)))
        card._for_volumes = validate(adapter, whole, {"id": id, "volumes": {}})
        card._for_volumes._source = whole
    return card


def _whole(file: Path, above: tuple[str, ...] = ()) -> Source:
    """A card's file over those it is based on."""
    source = read_yaml(file)
    base = source.content.get("based_on") if isinstance(source.content, dict) else None
    if not isinstance(base, str):
        return source
    other, above = file.with_name(f"{base}.yaml"), (*above, file.stem)
    if base in above or not other.is_file():
        what = "a card based on itself" if base in above else f"no card {base!r} to be based on"
        known = sorted({path.stem for path in file.parent.glob("*.yaml")} - set(above))
        raise UserError(what, where=source.at(("based_on",)), allowed=", ".join(known))
    below = _whole(other, above)
    if "network" in source.content and isinstance(below.content, dict):
        # The options of one network mean nothing to another.
        below = replace(below, content={key: below.content[key] for key in below.content if key != "options"})
    return below.updated(source)
