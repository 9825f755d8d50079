"""Batches: crops, flips and quarter turns of images and their maps in one gather on the device."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dotbench.cards.method import Stage, Training
from dotbench.training.draws import Draw, draw
from dotbench.training.pool import Boxes, Pool


@dataclass(frozen=True)
class Batch:
    """What one step learns from; all tensors are (samples, channels, *space) and turned alike."""

    image: Tensor
    target: Tensor | None
    weight: Tensor | None
    """0 where the loss must not look: outside the image or the annotated region; None: everywhere 1"""
    dots: Tensor | None
    """number of dots on each voxel; only for networks with a loss of their own"""
    unlabelled: Batch | None = None


class Batches:
    """The batches of one stage, by the number of the step."""

    def __init__(
        self, pool: Pool, unlabelled: Pool | None, training: Training, stage: int, seed: int, stride: int
    ):
        self.pool, self.unlabelled, self.training = pool, unlabelled, training
        self.stage: Stage = training.stages[stage]
        self.key, self.stride = (seed, stage), stride
        self._reader = None if pool.resident else ThreadPoolExecutor(1)
        self._next: tuple[int, Future[Boxes]] | None = None

    def __call__(self, step: int) -> tuple[Batch, int]:
        """The batch and the seed of what the network draws itself in this step."""
        chosen = self._draw(self.pool, self.stage.batch, 0, step)
        batch = cut(self.pool, chosen, self._boxes(chosen, step), self.stride, self.training.margin)
        if self.unlabelled is not None:
            other = self._draw(self.unlabelled, self.training.unlabelled_batch, 1, step)
            extra = cut(
                self.unlabelled, other, self.unlabelled.boxes(other), self.stride, self.training.margin
            )
            batch = replace(batch, unlabelled=extra)
        return batch, chosen.torch_seed

    def _draw(self, pool: Pool, batch: int, purpose: int, step: int) -> Draw:
        crop, augment, margin = self.stage.crop, self.training.augment, self.training.margin
        return draw(pool.sizes, batch, crop, augment, margin, (*self.key, purpose), step)

    def _boxes(self, chosen: Draw, step: int) -> Boxes:
        if self._reader is None:
            return self.pool.boxes(chosen)
        # What does not fit on the device is read while the step before is computed.
        ready = self._next[1].result() if self._next and self._next[0] == step else self.pool.boxes(chosen)
        following = self._draw(self.pool, self.stage.batch, 0, step + 1)
        self._next = (step + 1, self._reader.submit(self.pool.boxes, following))
        return ready


def cut(pool: Pool, draw: Draw, boxes: Boxes, stride: int, margin: int = 0) -> Batch:
    """All samples of a draw at once; sizes are padded to a multiple of `stride` with weight 0."""
    device, layout, ndim = boxes.rows.device, pool.layout, len(draw.shape)
    padded = [-(-length // stride) * stride for length in draw.shape]

    def column(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device).reshape(-1, *(1,) * ndim)

    full = pool.sizes[draw.image]
    inside: Tensor | bool = True
    near: Tensor | bool = False
    index = column(boxes.start)
    turn = column(draw.turn)
    for axis in range(ndim):
        # `along` counts along this axis of the image, at every voxel of the sample.
        along = _count(padded, axis, device)
        if axis >= ndim - 2:
            along = torch.where(turn, _count(padded, 2 * ndim - 3 - axis, device), along)
        extent, origin = column(draw.extent[:, axis]), column(draw.origin[:, axis])
        beyond = along >= extent
        along = torch.where(column(draw.flip[:, axis]), extent - 1 - along, along)
        size = column(full[:, axis])
        if margin:
            near = near | ((along < margin) & (origin > 0))
            near = near | ((along >= extent - margin) & (origin + extent < size))
        inside = inside & ~beyond & (along + origin < size)
        along = along + origin - column(boxes.origin[:, axis])
        index = index + along * column(_step(boxes.size, axis))
    allowed = inside & ~near if margin else inside
    # Rows are voxels: the gather's result is channels-last without a copy.
    values = boxes.rows[torch.where(inside, index, 0)]
    image = values[..., : layout.image]
    whole = bool((full >= draw.origin + draw.extent).all()) and tuple(padded) == draw.shape
    if pool.intensity.input.normalise == "patch":
        image = _standardised(image, inside[..., None])
    elif not whole:
        image = image * inside[..., None]
    weight = None
    if layout.roi or not whole or margin:
        weight = allowed[..., None].float()
        if layout.roi:
            weight = weight * values[..., layout.image + layout.target, None]
    target = values[..., layout.image : layout.image + layout.target] if layout.target else None
    if target is not None and not whole:
        target = target * inside[..., None]
    dots = values[..., -1:] * inside[..., None] if layout.dots else None
    first = [None if part is None else part.movedim(-1, 1) for part in (image, target, weight, dots)]
    return Batch(*first)


def _count(shape: list[int], axis: int, device: torch.device) -> Tensor:
    view = [1] * (len(shape) + 1)
    view[axis + 1] = shape[axis]
    return torch.arange(shape[axis], device=device).reshape(view)


def _step(size: np.ndarray, axis: int) -> np.ndarray:
    return size[:, axis + 1 :].prod(axis=1)


def _standardised(image: Tensor, inside: Tensor) -> Tensor:
    """Each sample's own mean and deviation, as the network sees a whole image in prediction."""
    axes = tuple(range(1, image.ndim - 1))
    number = inside.sum(dim=axes, keepdim=True)
    mean = (image * inside).sum(dim=axes, keepdim=True) / number
    sd = (((image - mean) ** 2 * inside).sum(dim=axes, keepdim=True) / number).sqrt()
    flat = sd <= 1e-6 * mean.abs().clamp(min=1e-6)
    return (image - mean) / torch.where(flat, 1.0, sd) * inside
