"""A network whose training takes its time on any machine: for the tests of what happens when time runs out."""

from __future__ import annotations

import time

from pydantic import BaseModel
from torch import Tensor, nn

from dotbench.networks import nd

STRIDE = 1


class Options(BaseModel):
    seconds: float
    """that a training step sleeps"""


def receptive_field(options: Options) -> int:
    return 3


class Sleepy(nn.Module):
    def __init__(self, seconds: float, channels: int, ndim: int):
        super().__init__()
        self.seconds = seconds
        self.conv = nd.CONV[ndim](channels, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            time.sleep(self.seconds)
        return self.conv(x)


def build(options: Options, channels: int, ndim: int) -> nn.Module:
    return Sleepy(options.seconds, channels, ndim)
