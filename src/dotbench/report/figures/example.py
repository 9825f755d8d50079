"""What the figure of examples shows: one test image, its dots, and what each trial made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import TypeAdapter, ValidationError

from dotbench.cards.dataset import Match
from dotbench.cards.kernels import Kernel
from dotbench.contract.layout import Layout
from dotbench.contract.predictions import read_maps
from dotbench.contract.records import RunRecord
from dotbench.contract.status import Failure
from dotbench.contract.tables import dots_of, read_counts
from dotbench.contract.trial import Trial
from dotbench.data.dataset import Dataset, Sample
from dotbench.data.dots import pixels
from dotbench.data.splits import Split
from dotbench.errors import UserError
from dotbench.report.figures.matching import match_of
from dotbench.report.result import read_draw
from dotbench.score.matching import match, match_mask
from dotbench.targets import render

KERNEL = TypeAdapter(Kernel)
SIDE = 320
"""pixels; of larger images a detail is shown, in which single cells can be seen"""


@dataclass(frozen=True)
class Prediction:
    """What one trial found in the image; coordinates are in-plane."""

    trial: Trial
    status: str
    why: str = ""
    """why there is nothing to show"""
    count: float | None = None
    dots: np.ndarray | None = None
    map: np.ndarray | None = None
    kernel: Kernel | None = None


@dataclass(frozen=True)
class Example:
    id: str
    sample: Sample
    info: dict
    window: tuple[slice, slice]
    match: Match | None
    """the rule that the scores were made with"""
    predictions: tuple[Prediction, ...] = ()

    @property
    def ndim(self) -> int:
        return self.info["ndim"]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.sample.image.shape[: self.ndim]

    @property
    def detail(self) -> str:
        words = ["maximum projection along z"] if self.ndim == 3 else []
        size = tuple(part.stop - part.start for part in self.window)
        if size != self.shape[-2:]:
            words.append(f"detail of {size[0]} × {size[1]} of {self.shape[-2]} × {self.shape[-1]} px")
        return ", ".join(words)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Where the window lies in the image, for coordinates of dots: pixel centres are whole numbers."""
        y, x = self.window
        return x.start - 0.5, x.stop - 0.5, y.stop - 0.5, y.start - 0.5

    @property
    def image(self) -> np.ndarray:
        """As seen: the contrast that the middle 99 % of the grey levels have."""
        seen = self.flat(np.asarray(self.sample.image)).astype(float)
        low, high = np.percentile(seen, (0.5, 99.5))
        seen = np.clip((seen - low) / max(high - low, 1e-9), 0, 1)
        return seen[..., :3] if seen.ndim == 3 and seen.shape[2] >= 3 else seen.reshape(seen.shape[:2])

    @property
    def outside(self) -> np.ndarray | None:
        """Where nobody annotated."""
        return None if self.sample.roi is None else self.flat(np.asarray(self.sample.roi)) == 0

    @property
    def all_dots(self) -> np.ndarray:
        return np.empty((0, self.ndim)) if self.sample.dots is None else self.sample.dots

    @property
    def dots(self) -> np.ndarray:
        return self.within(self.all_dots)

    def flat(self, array: np.ndarray) -> np.ndarray:
        """The window of an image or map; of a volume the highest values along z."""
        plane = array.max(axis=0) if self.ndim == 3 else array
        return plane[self.window]

    def within(self, dots: np.ndarray) -> np.ndarray:
        """In-plane places of those dots that lie in the window."""
        places = np.asarray(dots, float).reshape(-1, self.ndim)[:, -2:]
        low = np.array([part.start for part in self.window]) - 0.5
        high = np.array([part.stop for part in self.window]) - 0.5
        return places[((places >= low) & (places < high)).all(axis=1)]

    def target(self, kernel: Kernel) -> np.ndarray:
        labels = None if self.sample.mask is None else np.asarray(self.sample.mask)
        drawn = render(self.all_dots, self.shape, kernel, self.info.get("spacing"), labels).map
        return self.flat(drawn[0] if drawn.ndim > self.ndim else drawn)

    def judge(self, predicted: np.ndarray) -> dict[str, np.ndarray]:
        """Hits, false and missed places in the window, by the very rule of the tables."""
        true, predicted = self._annotated(self.all_dots), self._annotated(predicted)
        if self.match and self.match.rule == "mask" and self.sample.mask is not None:
            labels = np.asarray(self.sample.mask)
            pairs = match_mask(labels, predicted).pairs
            hit = np.unique(labels[tuple(pixels(predicted[pairs[:, 1]]).T)])
            missed = true[~np.isin(labels[tuple(pixels(true).T)], hit)]
        else:
            spacing = np.array(self.info.get("spacing") or (1.0,) * self.ndim)
            radius = self.match.radius if self.match and self.match.radius else self.info["cell_radius"]
            pairs = match(true * spacing, predicted * spacing, radius).pairs
            missed = np.delete(true, pairs[:, 0], axis=0)
        found = {
            "hit": predicted[pairs[:, 1]],
            "false": np.delete(predicted, pairs[:, 1], axis=0),
            "missed": missed,
        }
        return {kind: self.within(dots) for kind, dots in found.items()}

    def _annotated(self, dots: np.ndarray) -> np.ndarray:
        if self.sample.roi is None or not len(dots):
            return dots
        place = np.clip(pixels(dots), 0, np.array(self.shape) - 1)
        return dots[np.asarray(self.sample.roi)[tuple(place.T)] > 0]


def read_example(trials: Sequence[Trial], layout: Layout, image: str | None = None) -> Example:
    """Raises FileNotFoundError or UserError if there is no image to show; trials without a result are told as such."""
    if not trials:
        raise UserError("no trial is configured here")
    dataset = Dataset.open(layout.dataset(trials[0].dataset))
    split = Split.read(layout.split(trials[0]))
    id = image or _typical(trials, layout, dataset, split)
    samples = dataset.samples([id.partition("#")[0]], patch=split.patch)
    sample = next((sample for sample in samples if sample.id == id), None)
    if sample is None:
        raise UserError(f"{id} is no test image of {trials[0].split}")
    example = Example(
        id,
        sample,
        dataset.info,
        _window(sample, dataset.ndim),
        match_of(read_draw(trial, layout) for trial in trials),
    )
    return replace(example, predictions=tuple(_predicted(trial, layout, example) for trial in trials))


def _typical(trials: Sequence[Trial], layout: Layout, dataset: Dataset, split: Split) -> str:
    """Of the test samples whose maps were kept, the one with the middle count."""
    kept: set[str] = set()
    for trial in trials:
        kept |= set(read_maps(layout.trial(trial)))
    if not kept:
        return dataset.samples(split.test[:1], patch=split.patch)[0].id
    counts = {}
    for sample in dataset.samples(sorted({id.partition("#")[0] for id in kept}), patch=split.patch):
        if sample.id in kept:
            counts[sample.id] = (0 if sample.dots is None else len(sample.dots), sample.id)
    if not counts:
        raise UserError(f"the kept maps are of images that are not in {trials[0].dataset}")
    return sorted(counts, key=counts.get)[len(counts) // 2]


def _window(sample: Sample, ndim: int) -> tuple[slice, slice]:
    """The whole plane, or as much of it round its middle dot as shows single cells."""
    size = sample.image.shape[:ndim][-2:]
    middle = np.array(size) / 2
    if sample.dots is not None and len(sample.dots):
        middle = np.median(sample.dots[:, -2:], axis=0)
    starts = [int(np.clip(m - SIDE / 2, 0, max(s - SIDE, 0))) for m, s in zip(middle, size, strict=True)]
    y, x = (slice(start, min(start + SIDE, s)) for start, s in zip(starts, size, strict=True))
    return y, x


def _predicted(trial: Trial, layout: Layout, example: Example) -> Prediction:
    folder = layout.trial(trial)
    draw = read_draw(trial, layout)
    if draw.status != "ok":
        return Prediction(trial, draw.status.replace("_", " "), draw.reason or "no result")
    try:
        count = read_counts(folder)[example.id]
        dots = dots_of(folder, example.id, example.ndim)
    except (KeyError, Failure):
        return Prediction(trial, "no prediction", f"{example.id} is not in the counts")
    kernel = _kernel(trial, layout)
    found = read_maps(folder).get(example.id)
    if found is not None and found.shape == example.shape:
        return Prediction(trial, "ok", "", count, dots, example.flat(found.astype(np.float32)), kernel)
    return Prediction(trial, "ok", "", count, dots, None, kernel)


def _kernel(trial: Trial, layout: Layout) -> Kernel | None:
    """What the method learnt, as its run wrote it down."""
    try:
        card = RunRecord.read(layout.trial(trial)).card or {}
        return KERNEL.validate_python(card.get("kernel") or (card.get("options") or {})["kernel"])
    except (KeyError, ValidationError):
        return None
