"""Which images train, validate and test: the protocols of the papers, and two of our own.

What all protocols keep: every image is in exactly one part; the test images depend on the dataset and the seed
alone, never on N or on the draw; the same seed gives the same split on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from dotbench.errors import UserError, unknown
from dotbench.files import read_json, write_json

PARTS = ("train", "validation", "test", "unlabelled")


@dataclass(frozen=True)
class Split:
    dataset: str
    protocol: str
    n: int
    draw: int
    seed: int
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    unlabelled: tuple[str, ...]
    """images without labels, and images whose labels this split may not use"""
    patch: tuple[int, ...] | None = None
    """size of the patches that images are cut into, after the split"""

    def write(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Split:
        content = read_json(path)
        return cls(
            **{key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
        )


@dataclass(frozen=True)
class _Images:
    """The labelled images of a dataset, and the dice."""

    dataset: str
    ids: tuple[str, ...]
    groups: Mapping[str, str]
    n: int
    draw: int
    seed: int
    fixed_test: int | tuple[str, ...] | None
    """what the dataset says of its test set: so many images, or the patterns of their groups or names"""

    def dice(self, *what: object) -> np.random.Generator:
        """Random numbers that depend on these words and the seed only."""
        text = "/".join(map(str, (self.seed, self.dataset, *what)))
        return np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))

    def permuted(self, ids: Sequence[str], *what: object) -> list[str]:
        # Sorted first, so that the order on disk does not matter.
        ids = sorted(ids)
        return [ids[i] for i in self.dice(*what).permutation(len(ids))]

    def test_size(self) -> int:
        return self.fixed_test if isinstance(self.fixed_test, int) else len(self.ids) // 2

    def published_test(self) -> list[str] | None:
        """The very images that come as a test set, where the dataset has one."""
        if not isinstance(self.fixed_test, tuple):
            return None
        for pattern in self.fixed_test:
            if not any(self._fits(id, pattern) for id in self.ids):
                raise unknown(
                    "group or image",
                    pattern,
                    sorted({self.groups[id] for id in self.ids}),
                    where=f"`test:` of the dataset {self.dataset}",
                    next="mend the dataset's card",
                )
        return [id for id in self.ids if any(self._fits(id, pattern) for pattern in self.fixed_test)]

    def _fits(self, id: str, pattern: str) -> bool:
        return fnmatchcase(self.groups[id], pattern) or fnmatchcase(id, pattern)


Drawn = tuple[Sequence[str], Sequence[str], Sequence[str]]


def _xie2015(images: _Images) -> Drawn:
    """Lempitsky & Zisserman 2010, Xie 2015: the last images (100 of 200) test; N are drawn from the others, and
    what they leave validates."""
    size = len(images.ids) - images.test_size()
    pool, test = images.ids[:size], images.ids[size:]
    drawn = images.permuted(pool, "xie2015", images.draw)
    return drawn[: images.n], drawn[images.n :], test


def _guo2022(images: _Images) -> Drawn:
    """Guo 2022: one half (100 of 200) is the test set, N of the other are labelled, and the rest of it is used without
    labels. The half is a seeded one; where the dataset's card names its test images, it is those. The paper validates
    on nothing; so do we, since labels are what it saves."""
    order = images.permuted(images.ids, "guo2022")
    size = len(order) - images.test_size()
    pool, test = order[:size], order[size:]
    if (published := images.published_test()) is not None:
        pool, test = [id for id in order if id not in published], published
    return images.permuted(pool, "guo2022", images.draw)[: images.n], (), test


def _zheng2024(images: _Images) -> Drawn:
    """Zheng 2024: training : test : validation = 10 : 9 : 1. The paper takes all of the training part, so its N is
    the size of that part; a smaller N takes N of it."""
    order = images.permuted(images.ids, "zheng2024")
    train, test = round(len(order) * 10 / 20), round(len(order) * 9 / 20)
    pool = images.permuted(order[:train], "zheng2024", images.draw)
    return pool[: images.n], order[train + test :], order[train : train + test]


def _random(images: _Images) -> Drawn:
    """Ours: half of the images test; of the others N train and as many more, if there are, validate."""
    order = images.permuted(images.ids, "random")
    size = len(order) - images.test_size()
    pool = images.permuted(order[:size], "random", images.draw)
    return pool[: images.n], pool[images.n : 2 * images.n], order[size:]


def _grouped(images: _Images) -> Drawn:
    """Ours: as `random`, but what belongs together (patient, field, embryo) stays in one part. The last training
    group gives only as many images as N still asks for. A published test set stays as it is, and nothing of its
    groups trains."""
    members: dict[str, list[str]] = {}
    for id in sorted(images.ids):
        members.setdefault(images.groups[id], []).append(id)
    if len(members) < 2:
        raise UserError(
            f"{images.dataset} has one group of images, so there is nothing to keep apart",
            next="use the protocol random, or a reader that tells groups",
        )
    if (test := images.published_test()) is not None:
        testing = {images.groups[id] for id in test}
    else:
        testing = []
        for group in images.permuted(list(members), "grouped")[1:]:
            if sum(len(members[name]) for name in testing) < images.test_size():
                testing.append(group)
        test = [id for group in testing for id in members[group]]
    pool = images.permuted([group for group in members if group not in testing], "grouped", images.draw)
    train: list[str] = []
    while pool and len(train) < images.n:
        train += members[pool.pop(0)]
    validation: list[str] = []
    while pool and len(validation) < images.n:
        validation += members[pool.pop(0)]
    return train[: images.n], validation, test


PROTOCOLS: Mapping[str, Callable[[_Images], Drawn]] = {
    "xie2015": _xie2015,
    "guo2022": _guo2022,
    "zheng2024": _zheng2024,
    "random": _random,
    "grouped": _grouped,
}


def uses_all(protocol: str, labelled: int | None, unlabelled: int | None) -> bool:
    """Whether a split certainly leaves no image that neither trains, validates nor tests."""
    return protocol == "xie2015" and labelled is not None and unlabelled == 0


def make_split(
    protocol: str,
    images: Iterable[Mapping[str, object]],
    n: int,
    draw: int = 0,
    *,
    dataset: str,
    seed: int = 0,
    test: int | tuple[str, ...] | None = None,
    patch: tuple[int, ...] | None = None,
) -> Split:
    """The split of a dataset's images (rows with image, group, labelled, in the order of publication)."""
    if protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, PROTOCOLS)
    rows = list(images)
    labelled = [str(row["image"]) for row in rows if row["labelled"]]
    if isinstance(test, int) and test >= len(labelled):
        raise UserError(
            f"a test set of {test} images, of {len(labelled)} that are labelled, leaves none to learn from",
            where=dataset,
            next="lower `test:` in the dataset's card, or leave it out: then half of the images test",
        )
    groups = {str(row["image"]): str(row["group"]) for row in rows}
    train, validation, tested = PROTOCOLS[protocol](
        _Images(dataset, tuple(labelled), groups, n, draw, seed, test)
    )
    where = f"{dataset}/{protocol}/n{n}"
    if len(train) < n:
        raise UserError(
            f"N = {n} training images are more than there are to draw from",
            where=where,
            allowed=f"1 to {len(train)} ({len(labelled)} labelled images, {len(tested)} of them for the test)",
            next="lower n in the configuration",
        )
    if not tested:
        raise UserError(
            "no image is left for the test", where=where, next="this protocol needs more labelled images"
        )
    used = {*train, *validation, *tested}
    rest = tuple(str(row["image"]) for row in rows if str(row["image"]) not in used)
    return Split(
        dataset, protocol, n, draw, seed, tuple(train), tuple(validation), tuple(tested), rest, patch
    )


def check_size(
    protocol: str, n: int, labelled: int, *, dataset: str, test: int | tuple[str, ...] | None
) -> None:
    """Raises what `make_split` would for so many labelled images. Groups and names are known only when they are read."""
    if protocol == "grouped" or (protocol == "guo2022" and isinstance(test, tuple)):
        return
    images = ({"image": str(number), "group": str(number), "labelled": True} for number in range(labelled))
    make_split(protocol, images, n, dataset=dataset, test=test)
