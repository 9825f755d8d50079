"""SAU-Net that also learns from images without labels, by focal consistency (Guo 2022, eq. 3, as its code has it).

The same weights look at an unlabelled image twice: the teacher at the clean features, the student at features with
noise. Their maps have to agree near the teacher's peaks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from dotbench.networks import nd, saunet
from dotbench.networks.saunet import STRIDE, build, receptive_field
from dotbench.training.batches import Batch
from dotbench.training.losses import pixel_loss

__all__ = ["STRIDE", "Options", "build", "loss", "receptive_field"]


class Options(saunet.Options):
    norm: Literal["instance", "none"] = "instance"
    """not batch: it would show the student statistics that the teacher does not see"""
    dropout: float = 0.3
    noise_levels: Literal["all", "last"] = "all"
    """which of the four features that the decoder gets have noise. all: the authors' code; last: the paper's text"""
    focal_min: float | None = None
    """peaks of the teacher's map count from this height on. null: every maximum, as in the authors' code, where the
    whole of a constant background is one"""
    ramp: PositiveInt = 150
    """steps until the consistency has its full weight"""
    recompute: bool = False
    """unlabelled images are computed one by one, and again in the backward pass: the memory of one of them instead of
    all, for a third more time"""


def loss(model: nn.Module, batch: Batch, step: int, options: Options) -> Tensor:
    supervised = pixel_loss("mse", model(_laid_out(batch.image)), batch.target, batch.weight)
    if batch.unlabelled is None:
        return supervised
    return supervised + ramp(step, options) * consistency(model, batch.unlabelled, options)


def ramp(step: int, options: Options) -> float:
    return math.exp(5 * (min(step / options.ramp, 1) - 1))


def consistency(model: nn.Module, batch: Batch, options: Options) -> Tensor:
    """The squared difference of student and teacher, weighted, and divided by the number of weights that are not 0."""
    images = _laid_out(batch.image)
    noise = draw_noise(images, options)
    squares, number = images.new_zeros(()), 0
    size = 1 if options.recompute else len(images)
    for start in range(0, len(images), size):
        some = slice(start, start + size)
        with torch.no_grad():
            taught = teacher(model, images[some])
            weight = focal_weight(taught, options)
            if batch.weight is not None:
                weight = weight * batch.weight[some]
        if options.recompute:
            learnt = checkpoint(student, model, images[some], noise, use_reentrant=False)
        else:
            learnt = student(model, images[some], noise)
        squares = squares + (weight * (learnt - taught) ** 2).sum()
        number = number + weight.count_nonzero()
    # As TensorFlow's weighted mean: neither the sum of the weights nor the number of pixels.
    return squares / number.clamp(min=1)


def teacher(model: nn.Module, images: Tensor) -> Tensor:
    *skips, deep = model.encode(images)
    return model.decode([*skips, model.attention(deep, drop=False)])


def student(model: nn.Module, images: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
    *skips, deep = model.encode(images)
    levels = [*skips, model.attention(deep, drop=True)]
    return model.decode(
        [x if factor is None else x * factor.to(x.dtype) for x, factor in zip(levels, noise, strict=True)]
    )


def draw_noise(images: Tensor, options: Options) -> list[Tensor | None]:
    """A factor of 0 to 2 for each value of each level, the same for all images of the batch."""
    noise: list[Tensor | None] = []
    for level, width in enumerate(options.widths):
        drawn = options.noise_levels == "all" or level == len(options.widths) - 1
        space = [length // 2**level for length in images.shape[2:]]
        noise.append(2 * torch.rand(1, width, *space, device=images.device) if drawn else None)
    return noise


def focal_weight(map: Tensor, options: Options) -> Tensor:
    """Gaussians (5 pixels wide, sigma 1, sum 1) on the pixels that none of their neighbours exceeds."""
    ndim = map.ndim - 2
    peaks = map == nd.MAX_POOL[ndim](map, 3, stride=1, padding=1)
    if options.focal_min is not None:
        peaks = peaks & (map > options.focal_min)
    profile = torch.exp(-(torch.arange(-2.0, 3.0, device=map.device) ** 2) / 2)
    profile = profile / profile.sum()
    convolve = {2: functional.conv2d, 3: functional.conv3d}[ndim]
    weight = peaks.float()
    with torch.autocast(map.device.type, enabled=False):
        for axis in range(ndim):
            # One axis after the other: the same as the square or cube of the Gaussian.
            shape, padding = [1] * (2 + ndim), [0] * ndim
            shape[2 + axis], padding[axis] = 5, 2
            weight = convolve(weight, profile.reshape(shape), padding=padding)
    return weight


def _laid_out(image: Tensor) -> Tensor:
    return image.contiguous(memory_format=nd.CHANNELS_LAST[image.ndim - 2])
