"""A network's map of an image of any size, in overlapping tiles: bounded memory, the same map as in one piece."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dotbench.inference.device import Compute
from dotbench.inference.intensity import Intensity
from dotbench.memory import require
from dotbench.networks import check_output

BUDGET = 1 << 30
"""bytes that the network's layers may take while one tile is predicted"""
SMALLEST = {2: 64, 3: 32}


def predict_map(
    model: nn.Module,
    image: np.ndarray,
    intensity: Intensity,
    compute: Compute,
    *,
    stride: int,
    receptive_field: int | None,
    budget: int = BUDGET,
    out: Path | None = None,
    where: object = None,
) -> np.ndarray:
    """The (first) map of the network over the whole image, float32.

    `receptive_field` None means that every output depends on the whole image: then it is predicted in one piece, unless
    the card wants tiles of its own, which a network with attention sees as images. With `out` the map lies in that .npy
    file instead of in memory, for images that are themselves larger than memory.
    """
    ndim, shape = intensity.ndim, image.shape[: intensity.ndim]
    constants = intensity.constants(image, where)
    if out is None:
        require(4 * math.prod(shape), f"the map of an image of {shape}", where, "cut the image into pieces")
        result = np.empty(shape, np.float32)
    else:
        result = np.lib.format.open_memmap(out, mode="w+", dtype=np.float32, shape=shape)
    core, halo = shape, 0
    own_tiles = intensity.input.tile
    if own_tiles is not None:
        core = own_tiles[-ndim:]
    elif receptive_field is not None:
        voxels = int(budget / bytes_per_voxel(model, intensity.channels, ndim, stride, compute))
        if np.prod(shape) > voxels:
            halo = _up(receptive_field // 2, stride)
            core = _core(shape, halo, stride, voxels)
    look = from_all_sides if intensity.input.orientations == 8 else forward
    for inner, outer in tiles(shape, core, halo):
        if own_tiles is not None and intensity.input.normalise == "patch":
            constants = intensity.constants(image[outer], where)
        x = torch.from_numpy(intensity.apply(image, outer, constants))
        y = look(model, x[None].movedim(-1, 1).to(compute.device), stride, compute)[0, 0]
        own = tuple(slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True))
        result[inner] = y[own].float().cpu().numpy()
    return result


@torch.inference_mode()
def forward(model: nn.Module, x: Tensor, stride: int, compute: Compute) -> Tensor:
    """The model's maps of images of any size: padded to what the model's poolings need, and cut back."""
    size = x.shape[2:]
    x = padded(x, stride)
    with compute.autocast():
        y = model(x.contiguous(memory_format=compute.memory_format(len(size))))
    check_output(y, len(x), x.shape[2:])
    return y[(..., *(slice(length) for length in size))]


def from_all_sides(model: nn.Module, x: Tensor, stride: int, compute: Compute) -> Tensor:
    """The mean of the maps of all flips and quarter turns in the plane, each turned back."""
    plane, total = (-2, -1), torch.zeros((), device=x.device)
    for turns, flipped in itertools.product(range(4), (False, True)):
        turned = torch.rot90(x.flip(-1) if flipped else x, turns, plane)
        y = torch.rot90(forward(model, turned, stride, compute).float(), -turns, plane)
        total = total + (y.flip(-1) if flipped else y)
    return total / 8


def padded(x: Tensor, stride: int) -> Tensor:
    """Images whose sizes are multiples of `stride`; zeros are what the convolutions see beyond the border, too."""
    padding = [pad for length in reversed(x.shape[2:]) for pad in (0, -length % stride)]
    return nn.functional.pad(x, padding) if any(padding) else x


def tiles(
    shape: tuple[int, ...], core: tuple[int, ...], halo: int
) -> Iterator[tuple[tuple[slice, ...], ...]]:
    """Regions that cover an image without overlap, each with the larger region it is predicted from."""
    starts = (range(0, size, step) for size, step in zip(shape, core, strict=True))
    for start in itertools.product(*starts):
        stop = [min(s + c, size) for s, c, size in zip(start, core, shape, strict=True)]
        inner = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        outer = tuple(
            slice(max(a - halo, 0), min(b + halo, size))
            for a, b, size in zip(start, stop, shape, strict=True)
        )
        yield inner, outer


def bytes_per_voxel(model: nn.Module, channels: int, ndim: int, stride: int, compute: Compute) -> float:
    """Memory for each voxel of a tile, from above: what all layers together put out for a small one."""
    size = _up(SMALLEST[ndim], stride)
    total = 0

    def count(_module: nn.Module, _input: object, output: object) -> None:
        nonlocal total
        if isinstance(output, Tensor):
            total += output.numel() * output.element_size()

    hooks = [module.register_forward_hook(count) for module in model.modules() if not any(module.children())]
    try:
        forward(model, torch.zeros(1, channels, *(size,) * ndim, device=compute.device), stride, compute)
    finally:
        for hook in hooks:
            hook.remove()
    # The layers' inputs (upsampled, concatenated, padded) come on top of what they put out.
    return 2 * total / size**ndim + 8


def _core(shape: tuple[int, ...], halo: int, stride: int, voxels: int) -> tuple[int, ...]:
    """The largest pieces, about equally long along all axes, that with their halo have at most `voxels` voxels."""
    core = [stride] * len(shape)

    def outer(core: list[int]) -> int:
        return int(np.prod([min(c + 2 * halo, size) for c, size in zip(core, shape, strict=True)]))

    growing = True
    while growing:
        growing = False
        for axis in sorted(range(len(shape)), key=lambda a: core[a]):
            longer = [c + stride * (a == axis) for a, c in enumerate(core)]
            if core[axis] < shape[axis] and outer(longer) <= voxels:
                core, growing = longer, True
                break
    return tuple(core)


def _up(length: int, stride: int) -> int:
    return -(-length // stride) * stride
