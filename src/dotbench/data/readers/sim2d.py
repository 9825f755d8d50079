"""Simulated 2D cells: nothing is read; the card's options say what is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dotbench.cards.dataset import DatasetCard
from dotbench.cards.load import options_of
from dotbench.data.record import Loader
from dotbench.data.simulate import sim2d
from dotbench.data.simulate.series import Series, records


class Options(Series, sim2d.Options):
    """How many images and from which seed, and everything that the simulator can be told."""


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    return records(options_of(card, Options), sim2d.simulate)
