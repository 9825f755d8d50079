"""Anybody's images with instance masks: images/*.tif and masks/*.tif of equal name, one number a cell, 0 is background."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from dotbench.cards.dataset import DatasetCard
from dotbench.cards.load import options_of
from dotbench.data.images import read_image
from dotbench.data.own_files import FolderOptions, as_channels, images_by_id, read_groups
from dotbench.data.readers import is_image, stem
from dotbench.data.record import ImageRecord, Loader
from dotbench.errors import UserError


class Options(FolderOptions):
    masks: str = "masks"
    """folder with the masks, below the source's path"""
    mask_name: str = "{image}"
    """name of an image's mask without suffix, e.g. "{image}_cp_masks" for Cellpose's"""
    instances: Literal["labels", "components"] = "labels"
    """labels: every cell has its number; components: the mask is black and white, and what does not touch is a cell"""


def read(raw: Path, card: DatasetCard) -> Iterator[Loader]:
    options = options_of(card, Options)
    images = images_by_id(raw / options.images)
    groups = read_groups(options.groups and raw / options.groups, images)
    folder = raw / options.masks
    masks = {stem(path): path for path in folder.glob("*") if is_image(path)}
    if not masks:
        raise UserError(
            "no masks", where=folder, next="put the masks there, or mend `options: masks:` of the card"
        )
    for name, path in images.items():
        yield partial(
            _one,
            name,
            path,
            masks.get(options.mask_name.format(image=stem(path))),
            groups.get(name),
            options,
            card.ndim,
        )


def _one(
    name: str, path: Path, mask: Path | None, group: str | None, options: Options, ndim: int
) -> ImageRecord:
    image = as_channels(read_image(path, ndim), options.channels, ndim, path)
    if mask is None:
        return ImageRecord(
            name, image, group=group, labelled=False, origin=path, notes=("no mask: unlabelled",)
        )
    labels = as_labels(read_image(mask, ndim), ndim, mask)
    if options.instances == "components":
        labels = separate(labels)
    return ImageRecord(name, image, mask=labels, group=group, origin=mask)


def as_labels(mask: np.ndarray, ndim: int, where: Path) -> np.ndarray:
    """A mask of whole numbers in one channel, whatever it was saved as."""
    if mask.ndim == ndim + 1 and mask.shape[-1] in (3, 4) and (mask[..., :3] == mask[..., :1]).all():
        mask = mask[..., 0]
    if mask.dtype.kind == "f":
        whole = np.isfinite(mask).all() and (mask == np.rint(mask)).all()
        if not whole:
            raise UserError(
                "the mask has values that are not whole numbers",
                where=where,
                next="save labels, not a probability",
            )
        mask = mask.astype(np.int64)
    return mask


def separate(foreground: np.ndarray) -> np.ndarray:
    """Connected components, corners included, as labels."""
    from skimage.measure import label

    return label(foreground > 0)
