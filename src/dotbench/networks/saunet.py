"""SAU-Net: a U-Net with self-attention at the bottleneck, for images and volumes (Guo 2019, 2021)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from dotbench.networks import nd

STRIDE = 8
REFRESHED_TOGETHER = 2**23
"""voxels of one batch when batch norm is refreshed: 128 images of 256 x 256, in 3 GB"""


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    widths: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (32, 64, 128, 256)
    """channels at strides 1, 2, 4 and 8"""
    norm: Literal["batch", "instance", "none"] = "batch"
    dropout: float = Field(0.5, ge=0, lt=1)
    """share of the attention weights that a training step leaves out"""
    head: Literal["relu", "linear", "sigmoid"] = "relu"
    """activation of the map"""
    init: Literal["glorot", "orthogonal"] = "glorot"
    """glorot: TensorFlow's default, which the authors used; orthogonal: keeps the signal's size where there is no norm"""
    refresh: bool = False
    """batch norm's means and variances are measured anew after training, on all training images as they are ("online
    batch normalisation" of the paper)"""


def receptive_field(options: Options) -> None:
    """Attention looks at the whole image."""
    return None


def build(options: Options, channels: int, ndim: int) -> nn.Module:
    return SAUNet(options, channels, ndim)


def finish(model: nn.Module, images: Iterable[Tensor], options: Options) -> None:
    """Measures batch norm's statistics anew; images of one size together, as one batch, as long as they fit."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not (options.refresh and norms):
        return
    model.eval()
    for norm in norms:
        norm.train().reset_running_stats()
        # The mean over all batches.
        norm.momentum = None
    for batch in _batches(images):
        with torch.no_grad():
            model(batch)


def _batches(images: Iterable[Tensor]) -> Iterable[Tensor]:
    for _, group in itertools.groupby(sorted(images, key=lambda x: x.shape), key=lambda x: x.shape):
        same = list(group)
        together = max(1, REFRESHED_TOGETHER // same[0][0, 0].numel())
        for start in range(0, len(same), together):
            yield torch.cat(same[start : start + together])


class Block(nn.Sequential):
    """Convolution, ReLU, norm, in this order."""

    def __init__(self, conv: nn.Module, norm: nn.Module):
        super().__init__(conv, nn.ReLU(inplace=True), norm)


class Attention(nn.Module):
    """Each position becomes a mean of all positions, weighted by how well they match (non-local block)."""

    def __init__(self, width: int, ndim: int, dropout: float, norm: nn.Module):
        super().__init__()
        conv = nd.CONV[ndim]
        self.query, self.key, self.value = (conv(width, width, 1) for _ in range(3))
        # Only the authors' 3D code has this bias.
        self.out = Block(conv(width, width, 1, bias=ndim == 3), norm)
        self.dropout = dropout

    def forward(self, x: Tensor, drop: bool) -> Tensor:
        # (batch, 1 head, positions, channels), rows without gaps: what the kernels that never hold all pairs of
        # positions ask for.
        parts = (part(x) for part in (self.query, self.key, self.value))
        rows = (part.flatten(2).transpose(1, 2)[:, None].contiguous() for part in parts)
        # Matches are not divided by the root of the number of channels: the authors' code does not.
        y = functional.scaled_dot_product_attention(*rows, dropout_p=self.dropout * drop, scale=1.0)
        return x + self.out(y[:, 0].transpose(1, 2).reshape(x.shape))


class SAUNet(nn.Module):
    def __init__(self, options: Options, channels: int, ndim: int):
        super().__init__()
        conv, up = nd.CONV[ndim], nd.UP_CONV[ndim]
        widths, deepest = options.widths[:-1], options.widths[-1]

        def norm(width: int) -> nn.Module:
            if options.norm == "batch":
                # Of TensorFlow, which the authors used.
                return nd.BATCH_NORM[ndim](width, momentum=0.1, eps=1e-3)
            return nd.InstanceNorm(width, eps=1e-6) if options.norm == "instance" else nn.Identity()

        def two(before: int, width: int) -> nn.Sequential:
            blocks = (Block(conv(w, width, 3, padding=1), norm(width)) for w in (before, width))
            return nn.Sequential(*blocks)

        self.down = nn.ModuleList(two(a, b) for a, b in itertools.pairwise((channels, *options.widths)))
        self.attention = Attention(deepest, ndim, options.dropout, norm(deepest))
        pairs = list(itertools.pairwise(reversed(options.widths)))
        self.up = nn.ModuleList(Block(up(a, b, 2, stride=2), norm(b)) for a, b in pairs)
        self.merge = nn.ModuleList(two(2 * width, width) for width in reversed(widths))
        self.head = conv(widths[0], 1, 1)
        self.activation = {"relu": torch.relu, "sigmoid": torch.sigmoid, "linear": lambda x: x}[options.head]
        self.pool = nd.MAX_POOL[ndim]
        nd.initialise((m for m in self.modules() if isinstance(m, conv | up)), options.init)

    def encode(self, x: Tensor) -> list[Tensor]:
        """What each level sees, finest first; the last one before attention."""
        levels = []
        for level in self.down:
            x = level(self.pool(x, 2) if levels else x)
            levels.append(x)
        return levels

    def decode(self, levels: Sequence[Tensor]) -> Tensor:
        *skips, x = levels
        for up, merge, skip in zip(self.up, self.merge, reversed(skips), strict=True):
            x = merge(nd.join(skip, up(x)))
        # float32: with eight bits of bfloat16 neighbouring pixels of a map are often equal, and peaks become plateaus.
        with torch.autocast(x.device.type, enabled=False):
            return self.activation(self.head(x.to(self.head.weight.dtype)))

    def forward(self, x: Tensor) -> Tensor:
        *skips, deep = self.encode(x)
        return self.decode([*skips, self.attention(deep, drop=self.training)])
