"""Whether an image and its annotation can be used, and their canonical form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dotbench.cards.dataset import DatasetCard
from dotbench.data.dots import masks_to_dots
from dotbench.data.images import slabs
from dotbench.data.record import ImageRecord, is_id
from dotbench.errors import UserError
from dotbench.memory import require

MAX_CHANNELS = 8


@dataclass
class Checked:
    """One image in canonical form, with all that was odd or wrong about it."""

    id: str
    image: np.ndarray
    dots: np.ndarray
    mask: np.ndarray | None
    roi: np.ndarray | None
    group: str
    labelled: bool
    mask_report: dict | None
    notes: list[str]
    problems: list[UserError]

    @property
    def shape(self) -> tuple[int, ...]:
        """Without channels."""
        return self.image.shape[: self.dots.shape[1]]


def check(record: ImageRecord, card: DatasetCard) -> Checked:
    """Brings a record into canonical form and collects its problems; raises the one without which none can be sought."""
    notes, problems = list(record.notes), []
    where = record.origin or record.id
    if not is_id(record.id):
        problems.append(
            UserError(f"image id {record.id!r}", where=where, allowed="letters, digits, . _ -, not a number")
        )
    image = _plain(record.image, card.ndim, where, notes)
    shape = image.shape[: card.ndim]
    mask = _region(record.mask, shape, "mask", where, problems)
    roi = _region(record.roi, shape, "roi", where, problems)
    dots, report = record.dots, None
    if mask is not None:
        try:
            found, _, report = masks_to_dots(mask, card.min_fragment, card.spacing, where)
            dots = found if dots is None else dots
            if not report["objects"]:
                notes.append("the mask has no label: an image without cells")
        except UserError as problem:
            problems.append(problem)
    if dots is None and record.labelled and not problems:
        problems.append(
            UserError("neither dots nor a mask", where=where, next="annotate it, or mark it as not labelled")
        )
    dots = np.empty((0, card.ndim)) if dots is None else np.asarray(dots, float).reshape(-1, card.ndim)
    problems += _misplaced(dots, record, shape)
    problems += _unusable(image, len(dots), where, notes)
    return Checked(
        record.id,
        image,
        dots,
        None if mask is None else mask.astype(np.min_scalar_type(int(mask.max(initial=0))), copy=False),
        None if roi is None else roi.astype(np.uint8),
        record.group or record.id,
        record.labelled,
        report,
        notes,
        problems,
    )


def _plain(image: np.ndarray, ndim: int, where: object, notes: list[str]) -> np.ndarray:
    """YX, YXC or ZYX of a type that TIFF and networks know."""
    if 0 in image.shape:
        raise UserError(
            f"the image is empty (shape {image.shape})", where=where, next="save it again, or remove it"
        )
    wanted = "2D: (y, x) or (y, x, channels)" if ndim == 2 else "3D: (z, y, x)"
    colour = ndim == 2 and image.ndim == 3
    if image.ndim != ndim + colour or (colour and image.shape[-1] > MAX_CHANNELS):
        hint = (
            "set `ndim: 3` in the card"
            if ndim == 2 and image.ndim == 3
            else "set `ndim` in the card to what they are"
        )
        raise UserError(
            f"the image has the wrong dimension: shape {image.shape}", where=where, allowed=wanted, next=hint
        )
    if colour and image.shape[-1] == 4:
        if np.ptp(image[..., 3]):
            notes.append("transparency dropped, although it varies")
        else:
            notes.append("alpha channel dropped")
        image = image[..., :3]
    if colour and image.shape[-1] == 1:
        image = image[..., 0]
    return _plain_type(image, where)


def _plain_type(image: np.ndarray, where: object) -> np.ndarray:
    if image.dtype.kind not in "buif":
        raise UserError(
            f"the image has {image.dtype} values", where=where, allowed="integers or real numbers"
        )
    kind = _wanted_type(image)
    if kind != image.dtype:
        # A mapped image need not fit into memory; a converted one must.
        hint = f"save it as uncompressed little-endian TIFF of {kind.name}, or cut it into pieces"
        require(image.size * kind.itemsize, f"the image, converted from {image.dtype.str},", where, hint)
    return image.astype(kind, copy=False)


def _wanted_type(image: np.ndarray) -> np.dtype:
    native = image.dtype.newbyteorder("=")
    if native in (np.uint8, np.uint16):
        return native
    if image.dtype.kind == "f":
        return np.dtype(np.float32)
    low, high = int(image.min()), int(image.max())
    fits = np.min_scalar_type(high) if low >= 0 else np.dtype(np.int64)
    return np.dtype(np.promote_types(fits, np.uint8) if fits in (np.uint8, np.uint16) else np.float32)


def _region(
    region: np.ndarray | None, shape: tuple[int, ...], what: str, where: object, problems: list[UserError]
) -> np.ndarray | None:
    if region is not None and region.shape != shape:
        problems.append(
            UserError(
                f"the {what} has shape {region.shape}, its image {shape}",
                where=where,
                next="pair the right files",
            )
        )
        return None
    return region


def _misplaced(dots: np.ndarray, record: ImageRecord, shape: tuple[int, ...]) -> list[UserError]:
    """One problem for each dot that lies outside of the image, named by its line where there is one."""
    # A pixel reaches half its size beyond its centre.
    inside = np.all((dots >= -0.5) & (dots <= np.array(shape) - 0.5), axis=1)
    origins = record.dot_origins or [record.origin or record.id] * len(dots)
    return [
        UserError(
            f"dot {tuple(dots[index].tolist())} lies outside of image {record.id}",
            where=origins[index],
            allowed=", ".join(
                f"{axis} 0 to {size - 1}" for axis, size in zip("zyx"[-len(shape) :], shape, strict=True)
            ),
            next="mend it or remove it; are x and y (or pixels and micrometres) mixed up?",
        )
        for index in np.flatnonzero(~inside)
    ]


def _unusable(image: np.ndarray, dots: int, where: object, notes: list[str]) -> list[UserError]:
    """Values that nothing can be learned from; looked at in slabs, since a mapped image may exceed the memory."""
    low, high, bad = np.inf, -np.inf, 0
    for slab in slabs(image):
        bad += int(np.sum(~np.isfinite(slab))) if slab.dtype.kind == "f" else 0
        low, high = min(low, slab.min()), max(high, slab.max())
    if bad:
        return [
            UserError(
                f"{bad} of {image.size} pixels are not numbers (NaN or infinite)",
                where=where,
                next="set them to the background's value",
            )
        ]
    if low == high and dots:
        return [
            UserError(
                f"the image is constant (all {low}) but has {dots} dots",
                where=where,
                next="save it again, or remove it",
            )
        ]
    if low == high:
        notes.append(f"constant image (all {low}), without cells")
    return []
