"""A dataset of simulated images: how many, which of them without labels, and from which seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydantic import NonNegativeInt, PositiveInt, model_validator

from dotbench.cards.base import Part
from dotbench.data.record import ImageRecord, Loader
from dotbench.data.simulate import Simulated


class Series(Part):
    images: PositiveInt
    seed: NonNegativeInt
    unlabelled: NonNegativeInt = 0
    """so many, the last ones, come without dots and masks"""

    @model_validator(mode="after")
    def _enough(self):
        if self.unlabelled > self.images:
            raise ValueError(f"unlabelled: {self.unlabelled} is more than images: {self.images}")
        return self


def records(series: Series, simulate: Callable[[Any, int, int], Simulated]) -> Iterator[Loader]:
    """`series` also has the options of the simulator."""
    for index in range(series.images):
        yield partial(_one, series, simulate, index)


def _one(series: Series, simulate: Callable[[Any, int, int], Simulated], index: int) -> ImageRecord:
    made = simulate(series, series.seed, index)
    name = f"simulated_{index:03d}"
    if index >= series.images - series.unlabelled:
        return ImageRecord(name, made.image, labelled=False)
    return ImageRecord(name, made.image, dots=made.dots, mask=made.mask)
