"""NuMorph's 3D U-Net: residual context modules, deep supervision, a Dice of lines (Krupa 2021, after Isensee 2017)."""

from __future__ import annotations

import itertools
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from dotbench.networks import nd
from dotbench.training.batches import Batch

DEPTH = 5
STRIDE = 2 ** (DEPTH - 1)
HEADS = 3
"""decoder levels, from the finest, that vote for the output"""
SLOPE = 0.3
"""of the leaky ReLU, Keras's own"""


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    base: PositiveInt = 32
    """channels at full resolution; twice as many at each of the four coarser levels"""
    dropout: float = Field(0.2, ge=0, lt=1)
    """share of the channels that a context module leaves out while it learns"""
    dice: Literal["lines", "volume"] = "lines"
    """what the loss compares: lines of voxels along z, as NuMorph's code does, or each crop as a whole"""
    noise: float = Field(0.0, ge=0)
    """standard deviation of noise on training images, in units of the normalised image"""
    intensity: float = Field(0.0, ge=0, lt=1)
    """training images are made brighter or darker by up to this share"""


def receptive_field(options: Options) -> None:
    # Instance normalisation looks at the whole image.
    return None


def _block(ndim: int, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nd.CONV[ndim](inputs, outputs, size, stride, padding=size // 2),
        nd.InstanceNorm(outputs, eps=1e-5),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


class Level(nn.Module):
    """One level of the encoder: its entry, and a context module that adds to it."""

    def __init__(self, ndim: int, inputs: int, outputs: int, stride: int, dropout: float):
        super().__init__()
        self.entry = _block(ndim, inputs, outputs, stride=stride)
        self.context = nn.Sequential(
            _block(ndim, outputs, outputs), nd.CHANNEL_DROPOUT[ndim](dropout), _block(ndim, outputs, outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.entry(x)
        return x + self.context(x)


class NuMorphUNet(nn.Module):
    """Puts out probabilities."""

    def __init__(self, options: Options, channels: int, ndim: int):
        super().__init__()
        widths = [options.base * 2**level for level in range(DEPTH)]
        self.encoder = nn.ModuleList(
            Level(ndim, inputs, outputs, 1 if level == 0 else 2, options.dropout)
            for level, (inputs, outputs) in enumerate(itertools.pairwise([channels, *widths]))
        )
        finer = range(DEPTH - 2, -1, -1)
        self.up = nn.ModuleList(_block(ndim, widths[level + 1], widths[level]) for level in finer)
        self.localise = nn.ModuleList(
            nn.Sequential(
                _block(ndim, 2 * widths[level], widths[level]),
                _block(ndim, widths[level], widths[level], size=1),
            )
            for level in finer
        )
        self.heads = nn.ModuleList(nd.CONV[ndim](widths[level], 1, 1) for level in reversed(range(HEADS)))

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level in self.encoder:
            x = level(x)
            skips.append(x)
        skips.pop()
        features = []
        for up, localise in zip(self.up, self.localise, strict=True):
            x = up(functional.interpolate(x, scale_factor=2, mode="nearest"))
            x = localise(nd.join(skips.pop(), x))
            features.append(x)
        total = None
        for head, level in zip(self.heads, features[-HEADS:], strict=True):
            vote = head(level)
            total = (
                vote
                if total is None
                else vote + functional.interpolate(total, scale_factor=2, mode="nearest")
            )
        return total.sigmoid()


def build(options: Options, channels: int, ndim: int) -> nn.Module:
    return NuMorphUNet(options, channels, ndim)


def loss(model: nn.Module, batch: Batch, step: int, options: Options) -> Tensor:
    image = _disturbed(batch.image, options)
    found = model(image.contiguous(memory_format=nd.CHANNELS_LAST[image.ndim - 2])).float()
    return dice_loss(found, batch.target, batch.weight, options.dice)


def dice_loss(found: Tensor, target: Tensor, weight: Tensor | None, over: str) -> Tensor:
    """1 - Dice with 1 added above and below: lines without a nucleus, of which nothing is found, are perfect."""
    if weight is not None:
        found, target = found * weight, target * weight
    # NuMorph's arrays end in z, and its sums run over the last axis alone.
    axes = (2,) if over == "lines" else tuple(range(1, found.ndim))
    both = (found * target).sum(axes)
    either = (found + target).sum(axes) / 2
    return 1 - ((both + 1) / (either + 1)).mean()


def _disturbed(image: Tensor, options: Options) -> Tensor:
    samples = (len(image), *(1,) * (image.ndim - 1))
    if options.intensity:
        image = image * (1 + options.intensity * (2 * torch.rand(samples, device=image.device) - 1))
    if options.noise:
        image = image + options.noise * torch.rand(samples, device=image.device) * torch.randn_like(image)
    return image
