"""$id: what it is, in one line (authors and year)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, PositiveInt
from torch import nn

from dotbench.networks import nd

# Images are padded to a multiple of it: 2 to the power of the number of poolings; 1 without pooling.
STRIDE = 1


class Options(BaseModel):
    """What the card's `options:` may say."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    width: PositiveInt = 16
    """channels of the hidden layers"""
    layers: PositiveInt = 3
    """hidden layers"""


def receptive_field(options: Options) -> int | None:
    """Pixels of the input, along one axis, that one pixel of the output depends on; None: the whole image."""
    return 3 + 2 * options.layers


def build(options: Options, channels: int, ndim: int) -> nn.Module:
    """From (batch, channels, *space) to (batch, 1, *space), in two or three dimensions."""
    conv = nd.CONV[ndim]
    layers = []
    for _ in range(options.layers):
        layers += [conv(channels, options.width, 3, padding=1), nn.ReLU(inplace=True)]
        channels = options.width
    return nn.Sequential(*layers, conv(channels, 1, 3, padding=1))
