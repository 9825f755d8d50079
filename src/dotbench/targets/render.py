"""From dots and a kernel to the map a network learns; the kernels themselves lie in files of their names."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from dotbench.cards.kernels import Kernel
from dotbench.data.dots import pixels
from dotbench.errors import UserError
from dotbench.memory import require


@dataclass(frozen=True)
class Target:
    """A rendered map, and what of the dots it could not hold."""

    map: np.ndarray
    """float32; foreground_boundary has two maps: (2, *shape)"""
    lost: float
    """cells' worth of mass that fell outside the image"""
    duplicates: int
    """dots on a pixel that another dot has already"""
    notes: tuple[str, ...] = ()


def render(
    dots: np.ndarray,
    shape: Sequence[int],
    kernel: Kernel,
    spacing: Sequence[float] | None = None,
    labels: np.ndarray | None = None,
    where: object = None,
) -> Target:
    """The target map of one image.

    A kernel's file has `draw(dots, shape, kernel, unit, labels) -> (map, lost)`, where `unit` is the length of a
    voxel along each axis as this kernel counts it, `peak(kernel, unit) -> float`, and DUPLICATES: what becomes
    of two dots on one pixel.
    """
    shape = tuple(int(size) for size in shape)
    dots = _checked(dots, shape, where)
    if labels is not None and labels.shape != shape:
        raise UserError(f"a mask of shape {labels.shape} for an image of shape {shape}", where=where)
    require(
        4 * math.prod(shape),
        f"the target map of an image of {shape}",
        where,
        "cut the image into pieces",
    )
    module = _module(kernel.name)
    duplicates = len(dots) - len(np.unique(pixels(dots), axis=0))
    try:
        drawn, lost = module.draw(dots, shape, kernel, _unit(kernel, len(shape), spacing), labels)
    except UserError as problem:
        raise UserError(problem.what, where=where, allowed=problem.allowed, next=problem.next) from problem
    notes = (f"{duplicates} dots share a pixel with another: {module.DUPLICATES}",) if duplicates else ()
    return Target(drawn, lost, duplicates, notes)


def kernel_peak(kernel: Kernel, ndim: int, spacing: Sequence[float] | None = None) -> float:
    """The value of the map at the centre of a lone cell."""
    return float(_module(kernel.name).peak(kernel, _unit(kernel, ndim, spacing)))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__.rpartition('.')[0]}.{name}")


def _unit(kernel: Kernel, ndim: int, spacing: Sequence[float] | None) -> tuple[float, ...]:
    if kernel.units == "voxel" or spacing is None:
        return (1.0,) * ndim
    if len(spacing) != ndim:
        raise UserError(f"spacing {tuple(spacing)} for {ndim} axes", allowed=f"{ndim} numbers")
    return tuple(float(step) for step in spacing)


def _checked(dots: np.ndarray, shape: tuple[int, ...], where: object) -> np.ndarray:
    dots = np.asarray(dots, float)
    if dots.size == 0:
        return np.empty((0, len(shape)))
    if dots.ndim != 2 or dots.shape[1] != len(shape):
        raise UserError(f"dots of shape {dots.shape}", where=where, allowed=f"(dots, {len(shape)})")
    edge = np.array(shape) - 0.5
    outside = np.flatnonzero(~((dots >= -0.5) & (dots <= edge)).all(axis=1))
    if len(outside):
        first = ", ".join(f"{value:g}" for value in dots[outside[0]])
        raise UserError(
            f"{len(outside)} of {len(dots)} dots lie outside the image, the first at {first} (row {outside[0]})",
            where=where,
            allowed=f"0 to {', '.join(str(size - 1) for size in shape)} along {', '.join('zyx'[-len(shape) :])}",
            next="check that the columns are z, y, x in pixels and that the image has its full size",
        )
    # The far rim belongs to the last pixel.
    return np.minimum(dots, np.nextafter(edge, 0))
