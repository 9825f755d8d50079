"""A plain U-Net without normalisation layers, for maps whose sum is a count (after Ronneberger 2015)."""

from __future__ import annotations

import itertools

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from torch import Tensor, nn

from dotbench.networks import nd

STRIDE = 8


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    widths: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (32, 64, 128, 128)
    """channels at strides 1, 2, 4 and 8"""
    convolutions: int = Field(2, ge=1)
    """on each level, on the way down and on the way up"""


def receptive_field(options: Options) -> int:
    """Pixels of the input, along one axis, that one pixel of the output may depend on."""
    # To either side, at most: convolutions at strides 1, 2 and 4 on the way down and up, and at 8; and one pixel of each
    # coarser level for poolings and doublings.
    return 2 * (options.convolutions * (2 * (1 + 2 + 4) + 8) + (2 + 4 + 8)) + 1


class UNet(nn.Module):
    def __init__(self, options: Options, channels: int, ndim: int):
        super().__init__()
        conv, widths, number = nd.CONV[ndim], options.widths, options.convolutions

        def level(before: int, width: int) -> nn.ModuleList:
            pairs = itertools.pairwise([before, *[width] * number])
            return nn.ModuleList(conv(a, b, 3, padding=1) for a, b in pairs)

        self.down = nn.ModuleList(level(a, b) for a, b in itertools.pairwise([channels, *widths]))
        self.up = nn.ModuleList(level(a + b, a) for a, b in reversed(list(itertools.pairwise(widths))))
        self.head = conv(widths[0], 1, 1)
        self.pool = nd.MAX_POOL[ndim]
        nd.initialise((m for m in self.modules() if isinstance(m, conv)), "orthogonal")

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level in self.down:
            x = _through(level, self.pool(x, 2) if skips else x)
            skips.append(x)
        skips.pop()
        for level in self.up:
            x = _through(level, nd.join(skips.pop(), nd.double(x)))
        # No activation at the end: the density may be a little negative where there is nothing, and sums stay unbiased.
        # float32: a sum over all pixels adds up what bfloat16 rounds away in each.
        with torch.autocast(x.device.type, enabled=False):
            return self.head(x.to(self.head.weight.dtype))


def _through(level: nn.ModuleList, x: Tensor) -> Tensor:
    for layer in level:
        x = layer(x).relu_()
    return x


def build(options: Options, channels: int, ndim: int) -> nn.Module:
    return UNet(options, channels, ndim)
