"""What a reader gives for each image, before it is brought into the canonical form."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass
class ImageRecord:
    """One image with what was annotated in it."""

    id: str
    """also the name of its files, see `image_id`"""
    image: np.ndarray
    """as published: YX, YXC or ZYX"""
    dots: np.ndarray | None = None
    """(k, ndim) floats, (z,)y,x of pixel centres; None: they come from the mask"""
    mask: np.ndarray | None = None
    """instance labels, 0 is background"""
    roi: np.ndarray | None = None
    """True where cells were annotated; None: everywhere"""
    group: str | None = None
    """what must stay together in a grouped split; None: the image is on its own"""
    labelled: bool = True
    origin: object = None
    """the file to name when something is wrong with the image"""
    dot_origins: Sequence[object] | None = None
    """file:line of each dot, where a person can look it up"""
    notes: tuple[str, ...] = ()
    """what the reader changed or found odd"""


Loader = Callable[[], ImageRecord]
"""Makes one record. A reader gives these rather than records where reading can fail or takes time:
then one broken image does not hide the other problems, and images are read in parallel."""


def image_id(stem: str) -> str:
    """A file's name as an id: safe in paths, and never mistaken for a number by who reads a CSV file."""
    clean = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-") or "image"
    return f"image_{clean}" if re.fullmatch(r"[\d.]+([eE][-_]?\d+)?", clean) else clean


def is_id(text: str) -> bool:
    return image_id(text) == text


def by_number(name: object) -> list[tuple[int, str]]:
    """Sorts 2 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", str(name))]
