"""A network whose training takes its time on any machine: for the tests of what happens when time runs out.

The process that begins a training never gets to its end within its job. One that goes on is quicker: how long jobs
take to start, and so how much of their time is left, is the machine's affair and must not decide a test.
"""

from __future__ import annotations

import time

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from dotbench.networks import nd

STRIDE = 1


class Options(BaseModel):
    seconds: float
    """that a step sleeps, in the process that begins the training; a third of it later"""


def receptive_field(options: Options) -> int:
    return 3


class Sleepy(nn.Module):
    def __init__(self, seconds: float, channels: int, ndim: int):
        super().__init__()
        self.seconds = seconds
        self.register_buffer("steps", torch.zeros(()))
        self.conv = nd.CONV[ndim](channels, 1, 3, padding=1)
        self.begun_here = False

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.begun_here = self.begun_here or not self.steps
            time.sleep(self.seconds if self.begun_here else self.seconds / 3)
            self.steps += 1
        return self.conv(x)


def build(options: Options, channels: int, ndim: int) -> nn.Module:
    return Sleepy(options.seconds, channels, ndim)
