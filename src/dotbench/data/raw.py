"""Where the files of a dataset lie as published, and which of them a person put there."""

from __future__ import annotations

from pathlib import Path

from dotbench.cards.dataset import DatasetCard, Folder, Manual
from dotbench.contract.layout import Layout
from dotbench.paths import ROOT

# Written when all files are there: what `prepare` waits for.
RECORD = "fetched.json"


def raw_folder(card: DatasetCard, layout: Layout) -> Path:
    """Where a reader finds the files: a user's own are left where they are."""
    if isinstance(card.source, Folder):
        return ROOT / Path(card.source.path).expanduser()
    return layout.raw(card.id)


def own_files(card: DatasetCard, layout: Layout) -> dict[str, Path]:
    """Files that a person put there and may change, by relative path: inputs of the rule, so that a change is noticed."""
    if not isinstance(card.source, Folder | Manual):
        return {}
    folder = raw_folder(card, layout)
    found = {
        file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()
    }
    # File browsers leave hidden files, and we leave the record.
    return {name: file for name, file in found.items() if not name.startswith(".") and name != RECORD}
