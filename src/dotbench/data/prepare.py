"""Brings a dataset into the canonical form: images, masks and roi as TIFF, dots.csv, images.csv, dataset.json."""

from __future__ import annotations

import importlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dotbench.cards.dataset import DatasetCard
from dotbench.contract.layout import Layout
from dotbench.data.check import Checked, check
from dotbench.data.files import digest, sha256_of
from dotbench.data.images import write_image
from dotbench.data.raw import RECORD, raw_folder
from dotbench.data.record import ImageRecord, Loader
from dotbench.data.statistics import compare, describe, summarise_masks
from dotbench.errors import UserError
from dotbench.files import cannot_write, read_json, write_csv, write_json
from dotbench.modules import no_module

INFO = "dataset.json"
IMAGES = ("image", "group", "depth", "height", "width", "dots", "labelled")
DOTS = ("image", "z", "y", "x")
SHOWN = 20


@dataclass
class Prepared:
    """What is kept in memory of an image that is written."""

    id: str
    group: str
    shape: tuple[int, ...]
    channels: int
    dtype: str
    dots: np.ndarray
    labelled: bool
    mask_report: dict | None
    notes: list[str]
    checksums: dict[str, str] = field(default_factory=dict)


def prepare(card: DatasetCard, layout: Layout, *, jobs: int = 4) -> Path:
    """Writes resources/datasets/<id>/ anew and returns its dataset.json; on any problem the old one stays."""
    record = layout.raw(card.id) / RECORD
    if not record.is_file():
        raise UserError(f"{card.id} is not fetched yet", where=record, next="fetch it: snakemake fetch_all")
    fetched = read_json(record)
    read = _reader(card)
    with _new_folder(layout.dataset(card.id)) as folder:
        images, problems = _convert(read(raw_folder(card, layout), card), card, folder, jobs)
        problems += [] if problems and not images else _across(images, raw_folder(card, layout))
        if problems:
            raise _report(card, problems)
        statistics = describe(images, card)
        compare(statistics, card)
        _write_tables(images, folder)
        checksums = {name: sum_ for image in images for name, sum_ in image.checksums.items()}
        checksums |= {name: sha256_of(folder / name) for name in ("images.csv", "dots.csv")}
        write_json(folder / INFO, _info(card, images, fetched, statistics, checksums))
    return layout.dataset(card.id) / INFO


def _reader(card: DatasetCard):
    try:
        return importlib.import_module(card.module).read
    except ModuleNotFoundError as problem:
        if problem.name != card.module:
            raise
        raise no_module(card.module, card.line_of("reader")) from None


@contextmanager
def _new_folder(final: Path) -> Iterator[Path]:
    """A folder that takes the place of `final` when all went well, and else disappears."""
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
        # mkdtemp makes private folders; datasets are meant to be shared in a group's folder.
        (temporary / "content").mkdir()
    except OSError as problem:
        raise cannot_write(final, problem, "cannot write the dataset") from problem
    try:
        yield temporary / "content"
        if final.exists():
            shutil.rmtree(final)
        os.replace(temporary / "content", final)
    except OSError as problem:
        raise cannot_write(final, problem, "cannot write the dataset") from problem
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _convert(
    items: Iterable[ImageRecord | Loader], card: DatasetCard, folder: Path, jobs: int
) -> tuple[list[Prepared], list[UserError]]:
    """All images in the reader's order; a few at a time, so that memory holds a few."""
    images: list[Prepared] = []
    problems: list[UserError] = []
    items = iter(items)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        while batch := list(itertools.islice(items, 2 * jobs)):
            for image, found in pool.map(lambda item: _convert_one(item, card, folder), batch):
                problems += found
                if image is not None:
                    images.append(image)
    return images, problems


def _convert_one(
    item: ImageRecord | Loader, card: DatasetCard, folder: Path
) -> tuple[Prepared | None, list[UserError]]:
    try:
        checked = check(item() if callable(item) else item, card)
    except UserError as problem:
        return None, [problem]
    if checked.problems:
        return None, checked.problems
    colour = checked.image.ndim > card.ndim
    image = Prepared(
        checked.id,
        checked.group,
        checked.shape,
        checked.image.shape[-1] if colour else 1,
        checked.image.dtype.name,
        checked.dots,
        checked.labelled,
        checked.mask_report,
        checked.notes,
    )
    image.checksums = _write_arrays(checked, folder, colour)
    return image, []


def _write_arrays(checked: Checked, folder: Path, colour: bool) -> dict[str, str]:
    checksums = {}
    for kind, array in (("images", checked.image), ("masks", checked.mask), ("roi", checked.roi)):
        if array is not None:
            name = f"{kind}/{checked.id}.tif"
            write_image(folder / name, array, colour and kind == "images")
            checksums[name] = sha256_of(folder / name)
    return checksums


def _across(images: list[Prepared], raw: Path) -> list[UserError]:
    """Problems that no single image has."""
    problems = []
    if not images:
        problems.append(UserError("no images that can be used", where=raw))
    ids = [image.id for image in images]
    for twice in sorted({name for name in ids if ids.count(name) > 1}):
        problems.append(
            UserError(f"two images have the id {twice}", where=raw, next="rename one of the two files")
        )
    channels: dict[int, str] = {}
    for image in images:
        channels.setdefault(image.channels, image.id)
    if len(channels) > 1:
        found = ", ".join(f"{count} ({name})" for count, name in sorted(channels.items()))
        problems.append(
            UserError(
                f"images with different numbers of channels: {found}",
                where=raw,
                allowed="one number for the whole dataset",
                next="set `options: {channels: grey}` if the reader knows it, or convert the images",
            )
        )
    return problems


def _report(card: DatasetCard, problems: list[UserError]) -> UserError:
    if len(problems) == 1:
        return problems[0]
    shown = "\n\n".join(str(problem) for problem in problems[:SHOWN])
    more = f"\n\nand {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return UserError(
        f"{len(problems)} problems in the dataset {card.id}\n\n{shown}{more}\n",
        next="mend these files, then run the same command again",
    )


def _write_tables(images: list[Prepared], folder: Path) -> None:
    rows, dots = [], []
    for image in images:
        size = dict(zip(("depth", "height", "width"), (1, *image.shape)[-3:], strict=True))
        counts = {"dots": len(image.dots), "labelled": image.labelled}
        rows.append({"image": image.id, "group": image.group, **size, **counts})
        for point in image.dots.tolist():
            dots.append(dict(zip(DOTS, (image.id, *(0.0, *point)[-3:]), strict=True)))
    write_csv(folder / "images.csv", IMAGES, rows)
    write_csv(folder / "dots.csv", DOTS, dots)


def _info(
    card: DatasetCard,
    images: list[Prepared],
    fetched: Mapping,
    statistics: Mapping,
    checksums: Mapping[str, str],
) -> dict:
    notes: dict[str, list[str]] = {}
    for image in images:
        for note in image.notes:
            notes.setdefault(note, []).append(image.id)
    reports = {image.id: image.mask_report for image in images if image.mask_report is not None}
    return {
        "dataset": card.id,
        "name": card.name,
        "citation": card.citation,
        "licence": card.licence,
        "ndim": card.ndim,
        "channels": images[0].channels,
        "dtype": ", ".join(sorted({image.dtype for image in images})),
        "spacing": list(card.voxel),
        "cell_radius": card.cell_radius,
        "masks": any(name.startswith("masks/") for name in checksums),
        "roi": any(name.startswith("roi/") for name in checksums),
        "digest": digest(checksums),
        "provenance": {
            "source": card.source.model_dump(mode="json"),
            "raw_digest": fetched["digest"],
            "reader": card.reader,
            "options": card.options,
        },
        "statistics": statistics,
        "mask_report": summarise_masks(reports) if reports else None,
        "notes": notes,
        "files": checksums,
    }
