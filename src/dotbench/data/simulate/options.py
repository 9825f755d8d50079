"""What the simulators can be told: the parts that 2D and 3D share, on top of a named preset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from dotbench.cards.base import Part

Fraction = Annotated[float, Field(ge=0, le=1)]
# An image needs room for a gradient of light and for the texture of a cell.
Side = Annotated[int, Field(ge=8)]


class Preset(Part):
    """Options that are complete once a preset is named; single values can be given over it."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]]

    preset: str

    @model_validator(mode="before")
    @classmethod
    def _over_preset(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        default = cls.model_fields["preset"].default
        # A name that does not exist is told by the type of `preset`; here it must not hide under missing keys.
        return _merged(cls.presets.get(given.get("preset", default), cls.presets[default]), given)


class Count(Part):
    """Cells in a field: normal, cut at both ends."""

    mean: NonNegativeFloat
    sd: NonNegativeFloat
    low: NonNegativeInt = 0
    high: NonNegativeInt

    @model_validator(mode="after")
    def _ordered(self):
        if not self.low <= self.mean <= self.high:
            raise ValueError("low, mean and high must be in this order")
        return self


class Places(Part):
    """Where the cells lie."""

    overlap: Fraction
    """probability that a cell may come closer to others than `separation`; 1: cells ignore each other"""
    separation: PositiveFloat
    """centre distance below which two cells overlap, in cell radii"""
    clustered: Fraction
    """probability that a cell belongs to a cluster; the others lie anywhere"""
    clusters: PositiveInt
    """clusters in a field"""
    spread: PositiveFloat
    """standard deviation of the cells about the centre of their cluster, in-plane pixels"""


class Camera(Part):
    """From light to grey levels. Noise is in grey levels."""

    full: PositiveFloat
    """grey level at which the sensor is full: more light changes nothing"""
    photons: PositiveFloat | None
    """photons that make one grey level (few: noisy); null: no photon noise"""
    read_noise: NonNegativeFloat
    """standard deviation"""
    grain: NonNegativeFloat = 0
    """correlation length of the read noise, in-plane pixels (Gaussian sigma); 0: every pixel for itself"""


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        inner = isinstance(value, Mapping) and isinstance(both.get(key), Mapping)
        both[key] = _merged(both[key], value) if inner else value
    return both
