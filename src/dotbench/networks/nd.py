"""Layers that exist in two and three dimensions, by the number of dimensions."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

CONV: dict[int, type[nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
UP_CONV: dict[int, type[nn.Module]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
BATCH_NORM: dict[int, type[nn.Module]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
# Leaves out whole channels.
CHANNEL_DROPOUT: dict[int, type[nn.Module]] = {2: nn.Dropout2d, 3: nn.Dropout3d}
MAX_POOL = {2: functional.max_pool2d, 3: functional.max_pool3d}
LINEAR = {2: "bilinear", 3: "trilinear"}
CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}


class InstanceNorm(nn.GroupNorm):
    """Each channel of each image by its own mean and variance, in any number of dimensions."""

    def __init__(self, channels: int, eps: float):
        super().__init__(channels, channels, eps)

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda:
            return super().forward(x)
        # Batch norm of one image is the same. On CPUs group norm's gradient takes more time than all convolutions
        # together (PyTorch 2.15): ten times that of batch norm's.
        arguments = self.weight, self.bias, None, None, True, 0.0, self.eps, False
        return torch.cat([torch.batch_norm(image, *arguments) for image in x.split(1)])


def join(*maps: Tensor) -> Tensor:
    """Maps side by side, as channels; the gradient of each comes back in one piece.

    A slice of channels is not, and batch norm's gradient takes 15 times as long on one (CPU, bfloat16).
    """
    for map in maps:
        if map.requires_grad:
            map.register_hook(_in_one_piece)
    return torch.cat(maps, dim=1)


def _in_one_piece(gradient: Tensor) -> Tensor:
    return gradient.contiguous(memory_format=CHANNELS_LAST[gradient.ndim - 2])


def initialise(layers: Iterable[nn.Module], init: str) -> None:
    """The first weights of convolutions, by the name that cards use; all biases are 0."""
    for layer in layers:
        match init:
            case "orthogonal":
                # The gain of ReLU keeps the signal's size through all layers, so that they learn without normalisation,
                # which would hide how bright a cell is.
                nn.init.orthogonal_(layer.weight, gain=2**0.5)
            case "kaiming":
                nn.init.kaiming_normal_(layer.weight)
            case "glorot":
                nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def double(x: Tensor) -> Tensor:
    """Linear interpolation to twice the size along every spatial axis."""
    return functional.interpolate(x, scale_factor=2, mode=LINEAR[x.ndim - 2], align_corners=False)
