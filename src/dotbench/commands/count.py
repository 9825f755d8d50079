"""
IMAGES are files or folders (TIFF, PNG, JPEG). TRIAL is a trial of the benchmark that has run, by name or by its folder;
a model trained on trials that look like yours counts best.

examples:
  dotbench count my_image.tif --model sim2d/random/n8/draw0/fcrn_a@ours
  dotbench count my_images/ --model results/vgg/xie2015/n32/draw0/fcrn_a@ours --out counted/

Writes counts.csv, dots.csv and, for each image, a picture with a mark on every cell found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dotbench.cards import load_dataset
from dotbench.cards.method import METHOD, upgrade
from dotbench.commands.common import add_configfile, plan_from
from dotbench.contract.prediction import Prediction
from dotbench.contract.records import RunRecord
from dotbench.contract.tables import write_counts, write_dots
from dotbench.contract.trial import Trial
from dotbench.data.dataset import Sample
from dotbench.data.images import read_image
from dotbench.errors import UserError

ENDINGS = (".tif", ".tiff", ".png", ".jpg", ".jpeg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "images", nargs="+", type=Path, metavar="IMAGES", help="image files, or folders of them"
    )
    parser.add_argument(
        "--model", required=True, metavar="TRIAL", help="a trial that has run, by name or folder"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("counted"), metavar="FOLDER", help="default: counted/"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add_configfile(parser)


@dataclass(frozen=True)
class Images:
    """The user's images in the form that methods read; whatever cannot be read is told at the end."""

    files: list[Path]
    ndim: int

    def __iter__(self) -> Iterator[tuple[Path, Sample | UserError]]:
        for file in self.files:
            try:
                yield file, Sample(file.name, read_image(file, self.ndim))
            except UserError as problem:
                yield file, problem


def run(given: argparse.Namespace) -> int:
    files = sorted({file for path in given.images for file in _files(path)})
    folder = _folder(given)
    record = _record(folder)
    trial, card = Trial.parse(record.trial), METHOD.validate_python(upgrade(record.card))
    info = load_dataset(trial.dataset)
    predictor = _predictor(folder, card, info, record, given.device)
    counted: dict[str, Prediction] = {}
    problems = []
    for file, sample in tqdm(
        Images(files, info.ndim), total=len(files), unit="image", disable=not sys.stderr.isatty()
    ):
        if isinstance(sample, UserError):
            problems.append(sample)
            continue
        found: Prediction = predictor.predict(sample, np.random.default_rng(0))
        counted[file.name] = found
        _picture(sample, found, given.out / f"{file.stem}_counted.png")
        print(f"{file}: {found.count:.1f}")
        write_counts(given.out, {name: one.count for name, one in counted.items()})
        write_dots(given.out, counted)
    for problem in problems:
        print(f"not counted: {problem}", file=sys.stderr)
    if counted:
        print(f"wrote {given.out}/counts.csv, dots.csv and {len(counted)} pictures")
    return 1 if problems else 0


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError("no such file or folder", where=path)
    found = [file for file in sorted(path.iterdir()) if file.suffix.lower() in ENDINGS]
    if not found:
        raise UserError("no images in this folder", where=path, allowed=", ".join(ENDINGS))
    return found


def _folder(given: argparse.Namespace) -> Path:
    if Path(given.model).is_dir():
        return Path(given.model)
    return plan_from(given).layout.trial(Trial.parse(given.model))


def _record(folder: Path) -> RunRecord:
    record = RunRecord.read(folder)
    if record.status == "not_run":
        raise UserError("this trial has not run", where=folder, next="dotbench run TRIAL, or snakemake")
    if not record.ok:
        raise UserError(f"this trial has no result: {record.status}: {record.reason}", where=folder)
    return record


def _predictor(folder: Path, card, info, record: RunRecord, device: str):
    if card.kind == "rule":
        raise UserError(
            f"{card.id} is a rule of its own and cannot count single images", allowed="other methods"
        )
    if card.role == "control":
        raise UserError(
            f"{card.id} is a control: it needs to know the answer", allowed="methods that are no controls"
        )
    if card.kind == "classical":
        from dotbench.predict.classical import open_classical

        return open_classical(folder, card, info)
    from dotbench.inference.device import choose
    from dotbench.predict.network import open_model

    detect = card.detect.model_copy(update={"threshold": record.threshold})
    card = card.model_copy(update={"detect": detect})
    trained = open_model(folder, choose(device), card)
    return replace(trained, line=record.line)


def _picture(sample: Sample, found: Prediction, file: Path) -> None:
    """The image (3D: seen from above) with a ring round every cell found."""
    from dotbench.report.figures.marked import figure_marked
    from dotbench.report.figures.style import save

    save(figure_marked(sample.image, found), file.with_suffix(""))
