"""Scoring one trial of the benchmark: from counts.csv, dots.csv and run.json to metrics.json and per_image.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dotbench.cards import DatasetCard
from dotbench.contract.records import WHOLE_IMAGES, Cost, Metrics, RunRecord, Seconds
from dotbench.contract.status import Failure
from dotbench.contract.tables import PER_IMAGE, ImageScore, read_counts, read_dots, write_per_image
from dotbench.contract.trial import Trial
from dotbench.data.dataset import Dataset, Sample
from dotbench.data.dots import pixels
from dotbench.data.splits import Split
from dotbench.errors import UserError
from dotbench.score.matching import hits, match_mask
from dotbench.score.metrics import f1, game, metrics
from dotbench.score.numorph import numorph

# Of the F1 curve, in in-plane pixels; the dataset's own radius is added.
RADII = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20)


@dataclass(frozen=True)
class Scored:
    """One unit, an image or a patch: what was there, what was predicted."""

    sample: Sample
    true: np.ndarray
    """(k, ndim) dots"""
    count: float
    predicted: np.ndarray
    """(m, ndim) dots"""


def score_trial(trial: Trial, folder: Path, split: Split, dataset: Dataset, card: DatasetCard) -> None:
    """Whatever a method left behind becomes a score, or a reason why there is none."""
    run = RunRecord.read(folder)
    record = {"trial": str(trial), "status": run.status, "reason": run.reason, "log": run.log}
    rows: list[ImageScore] = []
    if run.ok:
        try:
            units = _units(folder, split, dataset)
        except Failure as failure:
            record |= {"status": failure.status, "reason": failure.reason}
        else:
            rows, scores = _scores(units, split, dataset, card, run)
            record |= scores | {"cost": _cost(run)}
    write_per_image(folder, rows)
    Metrics(**record).write(folder)


def _units(folder: Path, split: Split, dataset: Dataset) -> list[Scored]:
    samples = dataset.samples(split.test, patch=split.patch)
    names = [sample.id for sample in samples]
    counts = read_counts(folder, names)
    dots = read_dots(folder, names, dataset.ndim)
    return [
        Scored(
            sample, _annotated(sample.dots, sample), counts[sample.id], _annotated(dots[sample.id], sample)
        )
        for sample in samples
    ]


def _annotated(dots: np.ndarray, sample: Sample) -> np.ndarray:
    """Dots of the annotated region: elsewhere nobody knows what is right. (Methods count in it alone.)"""
    if sample.roi is None or not len(dots):
        return dots
    place = np.clip(pixels(dots), 0, np.array(sample.roi.shape) - 1)
    return dots[np.asarray(sample.roi)[tuple(place.T)] > 0]


def _scores(
    units: Sequence[Scored], split: Split, dataset: Dataset, card: DatasetCard, run: RunRecord
) -> tuple[list[ImageScore], dict[str, object]]:
    locates = _locates(units, run)
    radii = sorted({float(radius) for radius in RADII} | ({card.match.radius} - {None}))
    at_radii = _hits(units, card, radii)
    rows = _rows(units, card, radii, at_radii)
    images = np.array([_image(unit) for unit in units])
    masks = card.ndim == 3 and all(unit.sample.mask is not None for unit in units)
    return rows, {
        "images": len(rows),
        "match": card.match.model_dump(),
        **metrics(_columns(rows), locates, images),
        **(
            {key: int(sum(getattr(row, key) for row in rows)) for key in ("tp", "fp", "fn")}
            if locates
            else {}
        ),
        "f1_curve": _f1_curve(units, radii, at_radii) if locates else None,
        WHOLE_IMAGES: _of_whole_images(units, dataset, card, locates) if split.patch else None,
        **(_numorph(units) if masks and locates else {}),
    }


def _locates(units: Sequence[Scored], run: RunRecord) -> bool:
    """A method that counts without saying where is not wrong about places; it is silent. One that should detect cells
    (its card says how) and finds none is wrong."""
    if any(len(unit.predicted) for unit in units) or not any(unit.count for unit in units):
        return True
    return bool((run.card or {}).get("detect"))


def _hits(units: Sequence[Scored], card: DatasetCard, radii: Sequence[float]) -> np.ndarray:
    spacing = np.array(card.voxel)
    return hits([(unit.true * spacing, unit.predicted * spacing) for unit in units], radii)


def _rows(
    units: Sequence[Scored], card: DatasetCard, radii: Sequence[float], at_radii: np.ndarray
) -> list[ImageScore]:
    if card.match.rule == "mask":
        found = [len(match_mask(_mask(unit, card), unit.predicted, unit.true).pairs) for unit in units]
    else:
        found = at_radii[:, radii.index(card.match.radius)].tolist()
    return [
        ImageScore(
            image=unit.sample.id,
            true=len(unit.true),
            predicted=unit.count,
            detected=len(unit.predicted),
            tp=hit,
            fp=len(unit.predicted) - hit,
            fn=len(unit.true) - hit,
            **game(unit.true, unit.predicted, unit.sample.image.shape[: card.ndim]),
        )
        for unit, hit in zip(units, found, strict=True)
    ]


def _mask(unit: Scored, card: DatasetCard) -> np.ndarray:
    if unit.sample.mask is None:
        raise UserError(
            f"{unit.sample.id} has no mask, and a hit in {card.id} is a dot inside one",
            where=f"config/datasets/{card.id}.yaml",
            next="set match: {rule: radius, radius: ...} in the dataset's card",
        )
    return np.asarray(unit.sample.mask)


def _columns(rows: Sequence[ImageScore]) -> dict[str, np.ndarray]:
    return {key: np.array([getattr(row, key) for row in rows], float) for key in PER_IMAGE[1:]}


def _of_whole_images(
    units: Sequence[Scored], dataset: Dataset, card: DatasetCard, locates: bool
) -> dict[str, object]:
    """The metrics as if the patches had never been cut: their counts added up, their dots put back in place."""
    patches: dict[str, list[Scored]] = {}
    for unit in units:
        patches.setdefault(_image(unit), []).append(unit)
    whole = []
    for image, cut in patches.items():
        sample = dataset.sample(image)
        dots = np.concatenate([unit.predicted + _corner(unit) for unit in cut])
        count = sum(unit.count for unit in cut)
        whole.append(Scored(sample, _annotated(sample.dots, sample), count, dots))
    radii = [card.match.radius or card.cell_radius]
    rows = _rows(whole, card, radii, _hits(whole, card, radii))
    return {"images": len(rows), **metrics(_columns(rows), locates)}


def _image(unit: Scored) -> str:
    return unit.sample.id.partition("#")[0]


def _corner(unit: Scored) -> np.ndarray:
    return np.array(unit.sample.id.partition("#")[2].split(","), float)


def _f1_curve(units: Sequence[Scored], radii: Sequence[float], at_radii: np.ndarray) -> dict[str, list]:
    true, predicted = (sum(len(getattr(unit, name)) for unit in units) for name in ("true", "predicted"))
    found = at_radii.sum(axis=0).tolist()
    return {
        "radii": list(radii),
        "f1": [f1(tp, predicted - tp, true - tp) for tp in found],
        "precision": [tp / predicted if predicted else None for tp in found],
        "recall": [tp / true if true else None for tp in found],
    }


def _numorph(units: Sequence[Scored]) -> dict[str, float | None]:
    found = numorph([(np.asarray(unit.sample.mask), unit.predicted) for unit in units])
    return {f"numorph_{name}": value for name, value in found.items()}


def _cost(run: RunRecord) -> Cost:
    # Rules of contributors write run.json too, and only its status is asked of them.
    seconds = run.seconds or Seconds()
    return Cost(
        train_seconds=seconds.train,
        predict_seconds=seconds.predict,
        device=(run.train or {}).get("device") or run.device,
        parameters=run.parameters,
    )
