"""Simulated 3D nuclei: nothing is read; the card's options say what is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dotbench.cards.dataset import DatasetCard
from dotbench.cards.load import options_of
from dotbench.data.record import Loader
from dotbench.data.simulate import sim3d
from dotbench.data.simulate.series import Series, records
from dotbench.errors import UserError


class Options(Series, sim3d.Options):
    """How many volumes and from which seed, and everything that the simulator can be told."""


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    options = options_of(card, Options)
    if options.spacing != card.voxel:
        raise UserError(
            f"spacing {card.spacing} of the card is not what the simulator makes",
            where=f"dataset {card.id}",
            allowed=str(options.spacing),
            next="give `spacing:` and `options: {spacing: }` the same values",
        )
    return records(options, sim3d.simulate)
