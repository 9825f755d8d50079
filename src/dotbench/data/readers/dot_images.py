"""Anybody's images with dot images: images/*.png and dots/*.png of equal name, in which each bright pixel is a cell."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pydantic import Field

from dotbench.cards.dataset import DatasetCard
from dotbench.cards.load import options_of
from dotbench.data.dot_images import read_dot_image
from dotbench.data.images import read_image
from dotbench.data.own_files import FolderOptions, as_channels, images_by_id, read_groups
from dotbench.data.readers import is_image, stem
from dotbench.data.record import ImageRecord, Loader


class Options(FolderOptions):
    dots: str = "dots"
    """folder with the dot images, below the source's path"""
    dot_name: str = "{image}"
    """name of an image's dot image without suffix, e.g. "{image}_dots" """
    threshold: int = Field(128, ge=1)
    """a pixel at least so bright is a cell"""


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    options = options_of(card, Options)
    images = images_by_id(raw / options.images)
    groups = read_groups(options.groups and raw / options.groups, images)
    dots = {stem(path): path for path in (raw / options.dots).glob("*") if is_image(path)}
    partners = {name: dots.get(options.dot_name.format(image=stem(path))) for name, path in images.items()}
    # Images and dot images may share a folder; then those that belong to an image are not images themselves.
    taken = {path for name, path in partners.items() if path != images[name]}
    for name, path in images.items():
        if path not in taken:
            yield partial(_one, name, path, partners[name], groups.get(name), options)


def _one(name: str, path: Path, dots: Path | None, group: str | None, options: Options) -> ImageRecord:
    image = as_channels(read_image(path), options.channels, 2, path)
    if dots is None:
        return ImageRecord(
            name, image, group=group, labelled=False, origin=path, notes=("no dot image: unlabelled",)
        )
    return ImageRecord(name, image, read_dot_image(dots, image, options.threshold), group=group, origin=path)
