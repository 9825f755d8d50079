"""Brings a dataset's files as published into resources/raw/<id>/, from mirrors or the public source, each checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dotbench.cards.dataset import Archive, DatasetCard, Files, Folder, Manual
from dotbench.contract.layout import Layout
from dotbench.data.delivery import SHOWN, Delivery
from dotbench.data.download import Web
from dotbench.data.files import digest, read_table, sha256_of
from dotbench.data.raw import RECORD, own_files, raw_folder
from dotbench.errors import UserError
from dotbench.files import write_json
from dotbench.paths import CONFIG, ROOT


def fetch(
    card: DatasetCard,
    layout: Layout,
    mirrors: Sequence[str | Path] = (),
    *,
    jobs: int = 8,
    progress: bool = True,
    table: Path | None = None,
    web: Web | None = None,
) -> Path:
    """Fetches what is missing and writes fetched.json beside it: which files, from where, and one digest of all.

    A file gets its name only after its checksum agrees, so what lies there is never fetched twice, and a run
    that was broken off goes on where it stopped.
    """
    folder = layout.raw(card.id)
    source = card.source
    if isinstance(source, Files | Archive):
        pinned = read_table(table or table_of(card))
        with Delivery(card.id, source, folder, pinned, web or Web(), jobs, progress) as delivery:
            delivery.run(mirrors)
        checksums, origins = {file.path: file.sha256 for file in pinned}, dict(delivery.origins)
    else:
        files = own_files(card, layout)
        _check_own(card, raw_folder(card, layout), files)
        checksums, origins = (
            {name: sha256_of(path) for name, path in files.items()},
            {source.kind: len(files)},
        )
    content = {"dataset": card.id, "digest": digest(checksums), "sources": origins, "files": checksums}
    write_json(folder / RECORD, content)
    return folder / RECORD


def table_of(card: DatasetCard, config: Path = CONFIG) -> Path:
    return config / "datasets" / f"{card.id}.files.tsv"


def _check_own(card: DatasetCard, folder: Path, files: Mapping[str, Path]) -> None:
    """Whether the files that only a person can bring are there."""
    source = card.source
    if isinstance(source, Folder) and not folder.is_dir():
        raise UserError(
            f"no folder with the files of {card.id}",
            where=folder,
            next=f"mend `source: path:` in config/datasets/{card.id}.yaml (relative to {ROOT}, or absolute)",
        )
    if not isinstance(source, Manual):
        return
    absent = [pattern for pattern in source.expected if not any(folder.glob(pattern))]
    if absent:
        raise UserError(
            f"{card.id} cannot be downloaded unattended, and these files are not there: {', '.join(absent)}",
            where=folder,
            allowed=", ".join(source.expected),
            next=source.instructions.strip(),
        )
    empty = [name for name, path in files.items() if path.stat().st_size == 0]
    if empty:
        raise UserError(
            f"{len(empty)} files of {card.id} are empty: {', '.join(empty[:SHOWN])}",
            where=folder,
            next="download them again",
        )
