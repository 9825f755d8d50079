"""Connected pieces of a label image, slab by slab, so that a volume needs little more than its own memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# Runs of one slab fit into the processor's cache; larger slabs are slower, smaller ones all overhead.
SLAB_VOXELS = 2**20


@dataclass(frozen=True)
class Pieces:
    """One row for each piece: a set of voxels with equal label that touch, corners included."""

    labels: np.ndarray
    sizes: np.ndarray
    sums: np.ndarray
    """of the voxel coordinates, (pieces, ndim)"""

    @property
    def centroids(self) -> np.ndarray:
        return self.sums / self.sizes[:, None]


@dataclass(frozen=True)
class _Runs:
    """Stretches of equal label along the last axis; `start` and `end` count voxels of the padded image."""

    start: np.ndarray
    end: np.ndarray
    label: np.ndarray
    sums: np.ndarray

    def select(self, which: np.ndarray | slice) -> _Runs:
        return _Runs(self.start[which], self.end[which], self.label[which], self.sums[which])


def find_pieces(labels: np.ndarray, slab_voxels: int = SLAB_VOXELS) -> Pieces:
    """All connected pieces of the non-zero labels, of any dimension, in order of their first voxel."""
    strides = _padded_strides(labels.shape)
    shifts = _shifts(strides)
    parts, bridges = [], []
    total, border, border_piece = 0, None, np.empty(0, np.int64)
    for begin, slab in _slabs(labels, slab_voxels):
        runs = _find_runs(slab, begin, strides)
        piece, count = _group(len(runs.start), *_touching(runs, runs, shifts))
        sums = np.stack([np.bincount(piece, weights, count) for weights in runs.sums.T], axis=1)
        label = np.zeros(count, runs.label.dtype)
        label[piece] = runs.label
        parts.append(Pieces(label, np.bincount(piece, runs.end - runs.start, count), sums))
        piece = piece + total
        if border is not None:
            here, before = _touching(runs, border, shifts)
            bridges.append(np.unique(np.stack([piece[here], border_piece[before]], axis=1), axis=0))
        last = runs.start >= (begin + len(slab) - 1) * strides[0]
        border, border_piece = runs.select(last), piece[last]
        total += count
    bridge = np.concatenate([np.empty((0, 2), np.int64), *bridges])
    group, count = _group(total, bridge[:, 0], bridge[:, 1])
    sums = np.concatenate([np.empty((0, labels.ndim)), *(part.sums for part in parts)])
    label = np.zeros(count, labels.dtype)
    label[group] = np.concatenate([np.empty(0, labels.dtype), *(part.labels for part in parts)])
    sizes = np.concatenate([np.empty(0), *(part.sizes for part in parts)])
    return Pieces(
        label,
        np.bincount(group, sizes, count).astype(np.int64),
        np.stack([np.bincount(group, weights, count) for weights in sums.T], axis=1),
    )


def _slabs(labels: np.ndarray, voxels: int) -> Iterator[tuple[int, np.ndarray]]:
    plane = max(1, labels[:1].size)
    thickness = max(1, voxels // plane)
    for begin in range(0, len(labels), thickness):
        yield begin, np.ascontiguousarray(labels[begin : begin + thickness])


def _padded_strides(shape: tuple[int, ...]) -> np.ndarray:
    """Voxels from one index to the next along each axis, with a gap at both ends of every axis."""
    sizes = [size + 2 for size in shape[1:]] + [1]
    return np.cumprod(sizes[::-1])[::-1].astype(np.int64)


def _shifts(strides: np.ndarray) -> list[int]:
    """To the rows that come before a row and touch it."""
    steps = itertools.product((-1, 0, 1), repeat=len(strides) - 1)
    return [int(np.dot(step, strides[:-1])) for step in steps if step < (0,) * len(step)]


def _find_runs(slab: np.ndarray, begin: int, strides: np.ndarray) -> _Runs:
    rows = slab.reshape(-1, slab.shape[-1])
    new = np.ones(rows.shape, bool)
    np.not_equal(rows[:, 1:], rows[:, :-1], out=new[:, 1:])
    start = np.flatnonzero(new)
    length = np.diff(start, append=rows.size)
    label = rows.ravel()[start]
    kept = label != 0
    start, length, label = start[kept], length[kept], label[kept]
    where = np.stack(np.unravel_index(start, slab.shape), axis=1)
    where[:, 0] += begin
    key = (where + (np.arange(slab.ndim) > 0)) @ strides
    sums = (where * length[:, None]).astype(float)
    sums[:, -1] += length * (length - 1) / 2
    return _Runs(key, key + length, label, sums)


def _touching(runs: _Runs, others: _Runs, shifts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (index in runs, index in others) of equal label that touch in neighbouring rows."""
    here, there = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for shift in shifts:
        # Others that overlap this run, widened by a voxel for corners: one range, as both are sorted.
        low = np.searchsorted(others.end, runs.start + (shift - 1), side="right")
        high = np.searchsorted(others.start, runs.end + (shift + 1), side="left")
        count = np.maximum(high - low, 0)
        index = np.repeat(np.arange(len(count)), count)
        first = np.cumsum(count) - count
        other = np.arange(len(index)) + np.repeat(low - first, count)
        same = runs.label[index] == others.label[other]
        here.append(index[same])
        there.append(other[same])
    return np.concatenate(here), np.concatenate(there)


def _group(nodes: int, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, int]:
    """The connected group of each node, numbered by first node, and how many there are."""
    graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(nodes, nodes))
    count, group = connected_components(graph, directed=False)
    return group.astype(np.int64), int(count)
