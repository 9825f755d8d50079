"""Checksums: which files a dataset consists of, and whether those on disk are these."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dotbench.errors import UserError


@dataclass(frozen=True)
class PinnedFile:
    """A file as published; nothing with another checksum is ever used."""

    path: str
    sha256: str
    bytes: int


def read_table(table: Path) -> list[PinnedFile]:
    """The files of a dataset from <id>.files.tsv, each line checked."""
    if not table.is_file():
        raise UserError(
            "the table of the dataset's files and checksums is missing",
            where=table,
            next="write it with the columns path, sha256, bytes, or restore it with git",
        )
    pinned: list[PinnedFile] = []
    with table.open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        if rows.fieldnames != ["path", "sha256", "bytes"]:
            raise UserError(
                f"wrong columns: {rows.fieldnames}", where=f"{table}:1", allowed="path, sha256, bytes"
            )
        for line, row in enumerate(rows, start=2):
            if not _complete(row):
                raise UserError(
                    f"not a file with its checksum: {row}",
                    where=f"{table}:{line}",
                    allowed="a path below the dataset's folder, 64 hexadecimal digits, a number of bytes",
                )
            pinned.append(PinnedFile(row["path"], row["sha256"], int(row["bytes"])))
    return pinned


def is_inside(path: str) -> bool:
    """Whether a path read from somewhere else stays below the folder it is put into."""
    parts = PurePosixPath(path).parts
    return (
        bool(parts)
        and not path.startswith("/")
        and ".." not in parts
        and "\\" not in path
        and ":" not in parts[0]
    )


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_intact(path: Path, pinned: PinnedFile) -> bool:
    """Whether this very file lies there; the size is looked at first because it costs nothing."""
    return path.is_file() and path.stat().st_size == pinned.bytes and sha256_of(path) == pinned.sha256


def digest(checksums: Mapping[str, str]) -> str:
    """One checksum of many files, independent of their order."""
    lines = (f"{checksums[path]}  {path}\n" for path in sorted(checksums))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _complete(row: Mapping[str, str | None]) -> bool:
    return bool(
        is_inside(row["path"] or "")
        and re.fullmatch(r"[0-9a-f]{64}", row["sha256"] or "")
        and re.fullmatch(r"[0-9]+", row["bytes"] or "")
    )
