"""Taking wanted files, and nothing else, out of an archive that nobody vouches for."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from dotbench.data.files import PinnedFile


class Damaged(Exception):
    """The archive cannot be read to its end."""


def extract(
    archive: Path, folder: Path, wanted: Mapping[str, PinnedFile], strip: int
) -> Iterator[tuple[PinnedFile, Path]]:
    """Writes each wanted file as <name>.part below `folder`, and gives it with that path, unchecked.

    Names come from `wanted`, never from the archive, and links are passed over: an archive cannot choose where it writes.
    """
    found: set[str] = set()
    for name, size, content in _regular_files(archive):
        path = PurePosixPath(*PurePosixPath(name).parts[strip:]).as_posix()
        if path not in wanted or path in found or size != wanted[path].bytes:
            continue
        found.add(path)
        part = folder / f"{path}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                shutil.copyfileobj(content, file)
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as problem:
            raise Damaged(str(problem)) from problem
        yield wanted[path], part
        if len(found) == len(wanted):
            return


def _regular_files(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                for member in file.infolist():
                    # The upper half of the attributes is the Unix mode; 0o12 is a symbolic link.
                    if not member.is_dir() and (member.external_attr >> 28) != 0o12:
                        with file.open(member) as content:
                            yield member.filename, member.file_size, content
        else:
            # Read as a stream: one pass, and no index of 30,000 members in memory.
            with tarfile.open(archive, "r|*") as file:
                for member in file:
                    if member.isreg():
                        yield member.name, member.size, file.extractfile(member)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as problem:
        raise Damaged(str(problem)) from problem
