"""How dots become a target map: the kernels a method card may name."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from dotbench.cards.base import Part


class _Kernel(Part):
    units: Literal["voxel", "physical"] = "voxel"
    """voxel: distances count voxels; physical: z counts as many in-plane pixels as the dataset's spacing says"""

    @property
    def slug(self) -> str:
        """The folder of this kernel's maps: its name and all that differs from the defaults."""
        changed = self.model_dump(exclude_defaults=True, exclude={"name"})
        return "-".join([self.name, *(f"{key}_{_text(value)}" for key, value in changed.items())])


class _Density(_Kernel):
    scale: PositiveFloat = 1.0
    """the map is multiplied by this, so that a network sees numbers near 1; counts divide by it"""
    border: Literal["renormalise", "lose"] = "renormalise"
    """renormalise: a cell at the border still has mass 1; lose: what falls outside is lost, as in most papers"""


class Gaussian(_Density):
    name: Literal["gaussian"] = "gaussian"
    sigma: PositiveFloat
    """standard deviation, in pixels"""


class AdaptiveGaussian(_Density):
    name: Literal["gaussian_adaptive"] = "gaussian_adaptive"
    neighbours: PositiveInt = 3
    beta: PositiveFloat = 0.3
    """sigma = beta x mean distance to the nearest neighbours"""
    sigma_max: PositiveFloat = 10.0
    """used for lone dots too"""


class InverseDistance(_Kernel):
    """1 / (d^(alpha d + beta) + c), d the distance to the nearest dot (Liang 2022; Guo 2022 eq. 2)."""

    name: Literal["inverse_distance"] = "inverse_distance"
    c: PositiveFloat = 1.0
    alpha: float = 0.02
    beta: float = 0.75
    cut: float | None = 0.01
    """values below are set to 0 (FIDTM's code does so at d = 30 px); null keeps the tails"""
    scale: PositiveFloat = 1.0


class Foreground(_Kernel):
    """1 inside cells, 0 outside."""

    name: Literal["foreground"] = "foreground"
    source: Literal["masks", "discs"] = "masks"
    """masks: the dataset's instance masks; discs: a disc (ball) of `radius` round each dot"""
    radius: PositiveFloat | None = None


class ForegroundBoundary(_Kernel):
    """Two maps: inside of cells, and the seam between cells that touch."""

    name: Literal["foreground_boundary"] = "foreground_boundary"
    source: Literal["masks", "discs"] = "masks"
    radius: PositiveFloat | None = None
    width: PositiveInt = 1
    """thickness of the seam in voxels"""


class CentralSlice(_Kernel):
    """1 in the middle of each cell: the slice of its centre, without the pixels farthest out (NuMorph)."""

    name: Literal["central_slice"] = "central_slice"
    source: Literal["masks"] = "masks"
    erode: float = Field(0.4, ge=0, lt=1)
    """share of the slice's pixels that is left out"""


Kernel = Annotated[
    Gaussian | AdaptiveGaussian | InverseDistance | Foreground | ForegroundBoundary | CentralSlice,
    Field(discriminator="name"),
]


def _text(value: object) -> str:
    number = f"{value:g}" if isinstance(value, float) else str(value).lower()
    return re.sub(r"[^a-z0-9.]", "", number)
