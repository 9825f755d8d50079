"""FCRN-B: pools after every two convolutions, with 5x5 kernels where it is widest (Xie, Noble, Zisserman 2015)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt
from torch import Tensor, nn

from dotbench.networks import nd

STRIDE = 4


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    widths: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (32, 64, 128, 256)
    """channels of the convolutions before the bottleneck; each second one is followed by a pooling"""
    bottleneck: PositiveInt = 256
    """channels of the bottleneck and of the convolution after the first upsampling"""
    init: Literal["orthogonal", "kaiming"] = "orthogonal"


def receptive_field(options: Options) -> int:
    """Pixels of the input, along one axis, that one pixel of the output may depend on."""
    # 26 to either side at most; which, depends on where on the grid of 4 the pixel lies. The encoder's own is 32.
    return 53


class FCRNB(nn.Module):
    def __init__(self, options: Options, channels: int, ndim: int):
        super().__init__()
        conv, (a, b, c, d) = nd.CONV[ndim], options.widths
        self.first = nn.ModuleList([conv(channels, a, 3, padding=1), conv(a, b, 3, padding=1)])
        self.second = nn.ModuleList([conv(b, c, 3, padding=1), conv(c, d, 3, padding=1)])
        self.bottleneck = conv(d, options.bottleneck, 5, padding=2)
        self.up = conv(options.bottleneck, options.bottleneck, 5, padding=2)
        self.head = conv(options.bottleneck, 1, 5, padding=2)
        self.pool = nd.MAX_POOL[ndim]
        nd.initialise((*self.first, *self.second, self.bottleneck, self.up, self.head), options.init)

    def encode(self, x: Tensor) -> Tensor:
        for pair in (self.first, self.second):
            for layer in pair:
                x = layer(x).relu_()
            x = self.pool(x, 2)
        return self.bottleneck(x).relu_()

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(nd.double(self.encode(x))).relu_()
        # No activation at the end: the density may be a little negative where there is nothing, and sums stay unbiased.
        return self.head(nd.double(x))


def build(options: Options, channels: int, ndim: int) -> nn.Module:
    return FCRNB(options, channels, ndim)
