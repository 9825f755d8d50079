"""Files on their way from mirrors and the public source: what one cannot give is asked of the next, nothing unchecked."""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from dotbench.cards.dataset import Archive, Files
from dotbench.data import archives
from dotbench.data.download import Unavailable, Web
from dotbench.data.files import PinnedFile, is_intact, sha256_of
from dotbench.errors import UserError
from dotbench.paths import ROOT

SHOWN = 5
FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class Delivery:
    """One dataset's files on their way; what a source cannot give is asked of the next."""

    dataset: str
    source: Files | Archive
    folder: Path
    pinned: Sequence[PinnedFile]
    web: Web
    jobs: int
    progress: bool
    missing: dict[str, PinnedFile] = field(default_factory=dict)
    reasons: dict[str, list[Unavailable]] = field(default_factory=dict)
    origins: Counter = field(default_factory=Counter)

    def __enter__(self) -> Delivery:
        self.pool = ThreadPoolExecutor(max_workers=max(1, self.jobs))
        return self

    def __exit__(self, *problem: object) -> None:
        # A full disk or Ctrl-C must not wait for 7,000 files that are still queued.
        self.pool.shutdown(wait=True, cancel_futures=True)

    def run(self, mirrors: Sequence[str | Path]) -> None:
        intact = self.pool.map(lambda file: is_intact(self.folder / file.path, file), self.pinned)
        here = dict(zip((file.path for file in self.pinned), intact, strict=True))
        self.missing = {file.path: file for file in self.pinned if not here[file.path]}
        self.origins["already here"] = len(self.pinned) - len(self.missing)
        if not self.missing:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._check_room()
        for mirror in mirrors:
            if _is_address(mirror):
                base = f"{str(mirror).rstrip('/')}/{self.source.mirror_folder}/"
                self._each(str(mirror), lambda file, base=base: self._download(base + quote(file.path), file))
            else:
                place = ROOT / Path(mirror).expanduser() / self.source.mirror_folder
                self._each(str(mirror), lambda file, place=place: self._take(place, file))
        if isinstance(self.source, Archive):
            self._from_archive()
        else:
            url = self.source.url
            self._each(url, lambda file: self._download(url.format(path=quote(file.path)), file))
        if self.missing:
            raise self._failed()

    def _each(self, origin: str, get: Callable[[PinnedFile], None]) -> None:
        """Gets every missing file on its own, many at a time; one that fails leaves the others alone."""
        with self._bar(origin, sum(file.bytes for file in self.missing.values())) as self.bar:

            def attempt(file: PinnedFile) -> bool:
                try:
                    get(file)
                    return self._accept(file, origin)
                except Unavailable as problem:
                    self.reasons.setdefault(file.path, []).append(problem)
                    return False
                except OSError as problem:
                    if problem.errno in FULL:
                        raise self._full(problem) from problem
                    self.reasons.setdefault(file.path, []).append(Unavailable("broken", str(problem)))
                    return False

            files = list(self.missing.values())
            for file, arrived in zip(files, self.pool.map(attempt, files), strict=True):
                if arrived:
                    del self.missing[file.path]
                    self.origins[origin] += 1

    def _from_archive(self) -> None:
        if not self.missing:
            return
        archive, url = self.folder / ".archive.part", self.source.url
        try:
            with self._bar(url, None) as bar:
                self.web.download(url, archive, tell=bar.update)
            for file, _ in archives.extract(archive, self.folder, dict(self.missing), self.source.strip):
                if self._accept(file, url):
                    del self.missing[file.path]
                    self.origins[url] += 1
            reason = Unavailable("moved", f"not in the archive {url}")
        except Unavailable as problem:
            reason = problem
        except archives.Damaged as problem:
            archive.unlink(missing_ok=True)
            reason = Unavailable("broken", f"the archive {url} is damaged ({problem})")
        except OSError as problem:
            if problem.errno in FULL:
                raise self._full(problem) from problem
            reason = Unavailable("broken", str(problem))
        for path in self.missing:
            self.reasons.setdefault(path, []).append(reason)
        if reason.kind == "moved" or not self.missing:
            # Whole, and all that was wanted is taken out of it: there is nothing to resume.
            archive.unlink(missing_ok=True)

    def _download(self, url: str, file: PinnedFile) -> None:
        self.web.download(url, self._part(file), file.bytes, self.bar.update)

    def _take(self, place: Path, file: PinnedFile) -> None:
        _copy(place / file.path, self._part(file))
        self.bar.update(file.bytes)

    def _accept(self, file: PinnedFile, origin: str) -> bool:
        """Gives the file its name if it is the right one; otherwise it is deleted, so that the next try starts anew."""
        part = self._part(file)
        actual = sha256_of(part)
        if actual == file.sha256:
            os.replace(part, self.folder / file.path)
            return True
        size = part.stat().st_size
        part.unlink()
        content = f"{origin} has another file: sha256 {actual} ({size} bytes), expected {file.sha256} ({file.bytes} bytes)"
        self.reasons.setdefault(file.path, []).append(Unavailable("other", content))
        return False

    def _part(self, file: PinnedFile) -> Path:
        return self.folder / f"{file.path}.part"

    def _bar(self, origin: str, total: int | None):
        from tqdm import tqdm

        # Not drawn into log files; those get one line from the rule.
        hidden = None if self.progress else True
        name = f"{self.dataset} from {origin[:40]}"
        return tqdm(desc=name, total=total, unit="B", unit_scale=True, disable=hidden, leave=False)

    def _check_room(self) -> None:
        needed = sum(file.bytes for file in self.missing.values())
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise UserError(
                f"the disk is too full for {self.dataset}: {_megabytes(needed)} to come, {_megabytes(free)} free",
                where=self.folder,
                next="free space there, or set another place under `pathvars: resources:`; finished files are kept",
            )

    def _full(self, problem: OSError) -> UserError:
        return UserError(
            f"the disk is full ({self.dataset})",
            where=problem.filename or self.folder,
            next="free space there, then run the same command again: finished files are kept",
        )

    def _failed(self) -> UserError:
        lines = [
            f"{path}: {'; '.join(map(str, self.reasons[path]))}" for path in sorted(self.missing)[:SHOWN]
        ]
        if len(self.missing) > SHOWN:
            lines.append(f"and {len(self.missing) - SHOWN} more")
        kinds = {problem.kind for path in self.missing for problem in self.reasons[path]}
        return UserError(
            f"{len(self.missing)} of {len(self.pinned)} files of {self.dataset} could not be fetched",
            where="\n           ".join(lines),
            allowed="the files of the card's table, with exactly these checksums",
            next=_advice(kinds, self.dataset) + "; the files that arrived are kept",
        )


def _advice(kinds: Iterable[str], dataset: str) -> str:
    mirror = "name a folder or address that has the files under `mirrors:` in the configuration"
    for kind, advice in {
        "offline": f"run `snakemake fetch_all` where there is internet (on a cluster: the login node), or {mirror}",
        "broken": "run the same command again: it goes on where it broke off",
        "other": f"run the same command again; if it stays so, the source has changed: {mirror}",
        "moved": f"the files are no longer there: {mirror}, or mend `source: url:` in config/datasets/{dataset}.yaml",
    }.items():
        if kind in kinds:
            return advice
    return mirror


def _copy(source: Path, part: Path) -> None:
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, part)
    except FileNotFoundError:
        raise Unavailable("moved", f"no file {source}") from None


def _is_address(mirror: str | Path) -> bool:
    return str(mirror).startswith(("http://", "https://"))


def _megabytes(number: int) -> str:
    return f"{number / 1e6:.1f} MB"
