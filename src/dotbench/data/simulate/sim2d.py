"""Simulated 2D fluorescence images: cells with random outlines, texture, overlap and blur by depth."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from dotbench.data.simulate import Simulated
from dotbench.data.simulate.light import dome, expose, smooth_noise
from dotbench.data.simulate.options import Camera, Count, Fraction, Places, Preset, Side
from dotbench.data.simulate.places import draw_count, scatter
from dotbench.data.simulate.presets2d import PRESETS

# Harmonics of an outline; the first would only shift it, beyond the fifth they drown in the blur.
HARMONICS = np.arange(2, 6)
# No outline reaches further than this many radii.
REACH = 1.6


class Options(Preset):
    presets: ClassVar = PRESETS

    preset: Literal["small", "vgg_like"] = "small"
    size: tuple[Side, Side]
    """of the image, y, x"""
    field: tuple[Side, Side]
    """for which count, clusters and stray are meant: larger and smaller images are as dense"""
    count: Count
    places: Places
    radius: PositiveFloat
    """mean radius of a cell, px"""
    radius_sd: NonNegativeFloat
    roughness: NonNegativeFloat
    """standard deviation of the outline's second harmonic, in radii; the k-th has 2/k of it"""
    brightness: PositiveFloat
    """mean grey level of a sharp cell above its background"""
    brightness_sd: NonNegativeFloat
    """between cells, as a fraction of `brightness`"""
    texture: NonNegativeFloat
    """standard deviation within a cell before blur, as a fraction of `brightness`"""
    texture_scale: PositiveFloat
    """size of the grains of the texture, px (Gaussian sigma)"""
    blur: tuple[PositiveFloat, PositiveFloat]
    """Gaussian sigma of the nearest cell, in focus, and of the deepest, px"""
    focus: PositiveFloat
    """depth = uniform ** focus: above 1 more cells are in focus, below 1 fewer"""
    touching: PositiveFloat | None
    """cells nearer than this many radii form a clump at one depth; null: each cell has its own depth"""
    background: NonNegativeFloat
    """grey level at the brightest point of an empty field"""
    stray: NonNegativeFloat
    """what each cell of a field adds to that, all over it: light scattered in the sample"""
    lamp_shift: NonNegativeFloat
    """how far the lamp is off the middle, half fields (standard deviation)"""
    lamp_dents: NonNegativeFloat
    """how far its light is from a paraboloid: standard deviation of random cubic terms"""
    shading: Fraction
    """how much of the cells' own light the darkest corner loses"""
    camera: Camera


def simulate(options: Options, seed: int, index: int) -> Simulated:
    """Image `index` of the series `seed`; no other image has a say in it."""
    rng = np.random.default_rng([seed, index])
    share = np.prod(options.size) / np.prod(options.field)
    dots = scatter(options.size, (1, 1), draw_count(options.count, share, rng), share, options, rng)
    depth = _depths(dots, options, rng)
    lamp = dome(options.size, options.lamp_shift, options.lamp_dents, rng)
    mask, margin = _paint(dots, depth, options, rng)
    light = _blurred(mask, margin, dots, depth, options, rng)
    light *= 1 - options.shading * (1 - lamp)
    light += (options.background + options.stray * len(dots) / share) * lamp
    inside = (slice(margin, -margin),) * 2
    return Simulated(expose(light, options.camera, np.uint8, rng), np.ascontiguousarray(mask[inside]), dots)


def _depths(dots: np.ndarray, options: Options, rng: np.random.Generator) -> np.ndarray:
    """0 in focus, 1 deepest; cells of one clump share it."""
    depth = rng.random(len(dots)) ** options.focus
    if options.touching is None or len(dots) < 2:
        return depth
    pairs = cKDTree(dots).query_pairs(options.touching * options.radius, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(dots),) * 2)
    return depth[connected_components(graph, directed=False)[1]]


def _paint(
    dots: np.ndarray, depth: np.ndarray, options: Options, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """Labels of the visible cells on a canvas with a margin, so that cells at the border are blurred whole."""
    margin = int(np.ceil(REACH * (options.radius + 3 * options.radius_sd) + 3 * options.blur[1])) + 1
    canvas = np.zeros([length + 2 * margin for length in options.size], np.int32)
    radii = rng.normal(options.radius, options.radius_sd, len(dots))
    radii = np.clip(radii, 0.3 * options.radius, options.radius + 3 * options.radius_sd)
    waves = rng.normal(0, 1, (len(dots), len(HARMONICS))) * options.roughness * 2 / HARMONICS
    phases = rng.uniform(0, 2 * np.pi, waves.shape)
    for k in np.argsort(-depth, kind="stable"):
        box = _box(dots[k], int(np.ceil(REACH * radii[k])), margin)
        y, x = np.ogrid[box]
        dy, dx = y - margin - dots[k, 0], x - margin - dots[k, 1]
        swing = np.cos(HARMONICS * np.arctan2(dy, dx)[..., None] + phases[k]) @ waves[k]
        outline = radii[k] * np.clip(1 + swing, 0.4, REACH)
        canvas[box][np.hypot(dy, dx) <= outline] = k + 1
    return canvas, margin


def _blurred(mask, margin: int, dots, depth, options: Options, rng: np.random.Generator) -> np.ndarray:
    """The light of what is visible of each cell, spread by the blur of its depth."""
    grain = smooth_noise(mask.shape, (options.texture_scale,) * 2, rng)
    scale = options.brightness * np.maximum(rng.normal(1, options.brightness_sd, len(dots)), 0.1)
    light = np.zeros(mask.shape, np.float32)
    sigmas = options.blur[0] + depth * (options.blur[1] - options.blur[0])
    for k, sigma in enumerate(sigmas):
        box = _box(dots[k], margin - 1, margin)
        cell = np.where(mask[box] == k + 1, np.maximum(1 + options.texture * grain[box], 0), 0)
        light[box] += scale[k] * ndimage.gaussian_filter(cell, sigma, mode="constant", truncate=3)
    return light[margin:-margin, margin:-margin]


def _box(dot: np.ndarray, half: int, margin: int) -> tuple[slice, slice]:
    start = np.rint(dot).astype(int) + margin - half
    return tuple(slice(first, first + 2 * half + 1) for first in start)
