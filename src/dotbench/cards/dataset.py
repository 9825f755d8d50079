"""Dataset cards: where images come from, what may be done with them, and the facts a reader must reproduce."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, ValidationInfo, field_validator, model_validator

from dotbench.cards.base import Card, Id, Part


class Files(Part):
    """Public files, each at one address; their paths and checksums are in <id>.files.tsv beside the card."""

    kind: Literal["files"]
    url: str
    """address of a file, with {path} for its path"""
    mirror_folder: str
    """folder of this dataset inside a mirror"""


class Archive(Part):
    """One tar or zip with all files; what is in it is checked file by file against <id>.files.tsv."""

    kind: Literal["archive"]
    url: str
    strip: int = 1
    """leading folders of the archive's paths that the table's paths do not have"""
    mirror_folder: str


class Simulated(Part):
    """Made here: nothing to download."""

    kind: Literal["simulated"]


class Folder(Part):
    """The user's own files, left where they are."""

    kind: Literal["folder"]
    path: str
    """relative to the project, or absolute"""


class Manual(Part):
    """Files that nobody can download unattended."""

    kind: Literal["manual"]
    instructions: str
    """where to get them and where to put them"""
    expected: tuple[str, ...]
    """glob patterns below resources/raw/<id>/, each of which must match"""


Source = Annotated[Files | Archive | Simulated | Folder | Manual, Field(discriminator="kind")]


class Match(Part):
    """When a detection counts as a hit; fixed before looking at any result."""

    rule: Literal["radius", "mask"] = "radius"
    radius: PositiveFloat | None = None
    """in-plane pixels"""

    @model_validator(mode="after")
    def _radius_given(self):
        if self.rule == "radius" and self.radius is None:
            raise ValueError("rule: radius needs a radius")
        return self

    @property
    def text(self) -> str:
        return "inside the mask" if self.rule == "mask" else f"{self.radius:g} px"


class Statistics(Part):
    """Facts about the dots that `prepare` must find again."""

    images: PositiveInt
    labelled: int | None = None
    groups: int | None = None
    dots: int | None = None
    mean: float | None = None
    """dots an image, of those that are labelled; two decimals"""
    sd: float | None = None
    """of these images themselves (divided by n), as papers print it; two decimals"""
    min: int | None = None
    max: int | None = None


class DatasetCard(Card):
    licence: str
    ndim: Literal[2, 3]
    spacing: tuple[PositiveFloat, ...] | None = None
    """size of a voxel along each axis, in units of the in-plane pixel; null: all 1"""
    cell_radius: PositiveFloat
    """typical, in in-plane pixels"""
    match: Match
    group: str | None = None
    """what kept together in the `grouped` protocol means here: patient, field, embryo"""
    reader: Id
    options: dict[str, Any] = {}
    """what the reader understands"""
    min_fragment: PositiveInt = 1
    """pieces of a mask smaller than this many voxels are reported"""
    source: Source
    statistics: Statistics | None = None
    test: PositiveInt | tuple[str, ...] | None = None
    """the test set that comes with the dataset: so many images, or (protocols grouped and guo2022) those of these groups
    or names, in which * and ? match as in file names; null: half"""
    patches: dict[Id, tuple[PositiveInt, ...]] = {}
    """protocols that cut images into patches after the split, and the patch size"""
    notes: str = ""

    # Splits and scores look at some fields themselves; a change there must not prepare images again.
    words: ClassVar[frozenset[str]] = Card.words | {
        "licence",
        "statistics",
        "source",
        "test",
        "patches",
        "match",
    }

    @property
    def voxel(self) -> tuple[float, ...]:
        """Size of a voxel along each axis, in in-plane pixels."""
        return self.spacing or (1.0,) * self.ndim

    @property
    def source_digest(self) -> str:
        """Changes when the files to fetch change."""
        return hashlib.sha256(self.source.model_dump_json().encode()).hexdigest()[:16]

    @property
    def module(self) -> str:
        return f"dotbench.data.readers.{self.reader}"

    @property
    def labelled(self) -> int | None:
        """How many labelled images there are, where that is known before any is read."""
        if self.statistics is not None:
            return self.statistics.labelled or self.statistics.images
        images, unlabelled = self.options.get("images"), self.options.get("unlabelled", 0)
        counted = self.source.kind == "simulated" and isinstance(images, int) and isinstance(unlabelled, int)
        return images - unlabelled if counted else None

    @property
    def unlabelled(self) -> int | None:
        """How many images without labels there are, where that is known before any is read."""
        if self.statistics is not None:
            return self.statistics.images - (self.statistics.labelled or self.statistics.images)
        return None if self.labelled is None else self.options["images"] - self.labelled

    @field_validator("spacing")
    @classmethod
    def _spacing_fits(cls, spacing: tuple[float, ...] | None, info: ValidationInfo):
        ndim = info.data.get("ndim")
        if spacing is not None and ndim and len(spacing) != ndim:
            raise ValueError(f"needs {ndim} numbers, got {len(spacing)}")
        return spacing
