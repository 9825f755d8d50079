"""Small files: written whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from dotbench.errors import NotNow, UserError

# How libraries that write files themselves say that they could not: safetensors in the system's words.
COULD_NOT_WRITE = re.compile(
    r"\bos error \d+|No space left|quota exceeded|inline_container|file write failed"
)


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Gives a temporary path beside `path` that takes its place on success; on any failure the old file stays."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent
        )
    except OSError as problem:
        raise cannot_write(path, problem) from problem
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; results are meant to be shared in a group's folder.
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    except UserError:
        raise
    except Exception as problem:
        if not isinstance(problem, OSError) and not _from_writing(problem, path.parent):
            raise
        raise cannot_write(path, problem) from problem
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text)


def write_json(path: Path | str, content: object) -> None:
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path | str) -> dict:
    path = Path(path)
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as problem:
        raise UserError(
            f"not valid JSON: {problem.msg}",
            where=f"{path}:{problem.lineno}",
            next=f"delete {path} and run again: it will be made anew",
        ) from problem


def write_csv(path: Path | str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Rows as dictionaries; floats keep all their digits so that equal runs give equal files."""
    with atomic(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path | str) -> list[dict[str, str]]:
    # Spreadsheets write a byte-order mark.
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def cannot_write(path: Path, problem: Exception, what: str = "cannot write") -> NotNow:
    """What to tell of a full disk, a missing permission, and their like."""
    return NotNow(
        f"{what}: {getattr(problem, 'strerror', None) or problem}",
        where=path,
        next="free space (or fix the permissions) there, then run the same command again: finished work is kept",
    )


def _from_writing(problem: Exception, folder: Path) -> bool:
    return bool(COULD_NOT_WRITE.search(str(problem))) or shutil.disk_usage(folder).free < 2**16


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
