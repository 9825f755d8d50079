"""FCRN-A: three poolings, a wide bottleneck, three bilinear upsamplings (Xie, Noble, Zisserman 2015)."""

from __future__ import annotations

import itertools
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt
from torch import Tensor, nn

from dotbench.networks import nd

STRIDE = 8


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    widths: tuple[PositiveInt, PositiveInt, PositiveInt] = (32, 64, 128)
    """channels after each pooling, and in reverse after each upsampling"""
    bottleneck: PositiveInt = 512
    init: Literal["orthogonal", "kaiming"] = "orthogonal"


def receptive_field(options: Options) -> int:
    """Pixels of the input, along one axis, that one pixel of the output may depend on."""
    # 36 to either side at most; which, depends on where on the grid of 8 the pixel lies. The encoder's own is 38.
    return 73


class FCRNA(nn.Module):
    def __init__(self, options: Options, channels: int, ndim: int):
        super().__init__()
        conv = nd.CONV[ndim]
        down = [channels, *options.widths, options.bottleneck]
        up = [options.bottleneck, *reversed(options.widths)]
        self.down = nn.ModuleList(conv(a, b, 3, padding=1) for a, b in itertools.pairwise(down))
        self.up = nn.ModuleList(conv(a, b, 3, padding=1) for a, b in itertools.pairwise(up))
        self.head = conv(up[-1], 1, 1)
        self.pool = nd.MAX_POOL[ndim]
        nd.initialise((*self.down, *self.up, self.head), options.init)

    def encode(self, x: Tensor) -> Tensor:
        *pooled, last = self.down
        for layer in pooled:
            x = self.pool(layer(x).relu_(), 2)
        return last(x).relu_()

    def forward(self, x: Tensor) -> Tensor:
        x = self.encode(x)
        for layer in self.up:
            x = layer(nd.double(x)).relu_()
        # No activation at the end: the density may be a little negative where there is nothing, and sums stay unbiased.
        return self.head(x)


def build(options: Options, channels: int, ndim: int) -> nn.Module:
    return FCRNA(options, channels, ndim)
