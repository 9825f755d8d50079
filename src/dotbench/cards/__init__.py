"""Cards: all configuration, typed. One YAML file describes one dataset, method or paper."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter

from dotbench.cards.config import Config
from dotbench.cards.dataset import DatasetCard
from dotbench.cards.families import method_ids, resolve
from dotbench.cards.load import Problems, Source, read_yaml, validate
from dotbench.cards.method import METHOD, ClassicalCard, MethodCard, NetworkCard, RuleCard
from dotbench.cards.paper import PaperCard
from dotbench.contract.trial import method_id
from dotbench.errors import unknown
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
    if kind == "methods":
        return method_ids(folder)
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
    if kind == "methods":
        id = method_id(id)
        source = resolve(id, folder)
    else:
        file = folder / kind / f"{id}.yaml"
        if not file.is_file():
            raise unknown(
                f"{kind[:-1]} card", id, card_ids(kind, folder), next=f"write {file} or correct the name"
            )
        source = read_yaml(file)
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
