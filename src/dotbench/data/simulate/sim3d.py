"""Simulated 3D fluorescence volumes: ellipsoidal nuclei, crowded, in flat voxels, blurred and dimming with depth."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import ndimage
from scipy.spatial.transform import Rotation

from dotbench.data.simulate import Simulated
from dotbench.data.simulate.light import expose, smooth_noise
from dotbench.data.simulate.options import Camera, Count, Fraction, Places, Preset, Side
from dotbench.data.simulate.places import draw_count, scatter
from dotbench.data.simulate.presets3d import PRESETS


class Options(Preset):
    presets: ClassVar = PRESETS

    preset: Literal["small", "light_sheet"] = "small"
    size: tuple[PositiveInt, Side, Side]
    """of the volume, z, y, x"""
    field: tuple[PositiveInt, Side, Side]
    """for which count and clusters are meant: larger and smaller volumes are as dense"""
    spacing: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    """size of a voxel, z, y, x; all lengths below are in the same unit, the in-plane pixel"""
    count: Count
    places: Places
    radius: PositiveFloat
    """mean radius of a nucleus"""
    radius_sd: NonNegativeFloat
    elongation: NonNegativeFloat
    """standard deviation of the logarithm of each axis; 0: balls"""
    brightness: PositiveFloat
    """mean grey level of a nucleus at the surface, before blur, above its background"""
    brightness_sd: NonNegativeFloat
    """between nuclei, as a fraction of `brightness`"""
    texture: NonNegativeFloat
    """standard deviation within a nucleus before blur, as a fraction of `brightness`"""
    texture_scale: PositiveFloat
    """size of its grains (Gaussian sigma)"""
    psf: tuple[NonNegativeFloat, NonNegativeFloat]
    """point-spread function: Gaussian sigma along z, and in plane"""
    haze: Fraction
    """share of the light that is scattered"""
    haze_reach: PositiveFloat
    """how far from where it comes"""
    attenuation: PositiveFloat | None
    """depth at which 1/e of the light is left, background included; null: as bright everywhere"""
    background: NonNegativeFloat
    """grey level of an empty place at the surface"""
    camera: Camera


def simulate(options: Options, seed: int, index: int) -> Simulated:
    """Volume `index` of the series `seed`; no other volume has a say in it."""
    rng = np.random.default_rng([seed, index])
    share = np.prod(options.size) / np.prod(options.field)
    number = draw_count(options.count, share, rng)
    dots = scatter(options.size, options.spacing, number, share, options, rng)
    mask = _fill(dots, options, rng)
    light = _spread(_emit(mask, number, options, rng), options)
    light += options.background
    if options.attenuation is not None:
        depth = np.arange(options.size[0], dtype=np.float32) * options.spacing[0]
        light *= np.exp(-depth / options.attenuation)[:, None, None]
    return Simulated(expose(light, options.camera, np.uint16, rng), mask, dots)


def _fill(dots: np.ndarray, options: Options, rng: np.random.Generator) -> np.ndarray:
    """Labels; where nuclei overlap, a voxel belongs to the one in which it lies deeper, so that each keeps its centre."""
    mask = np.zeros(options.size, np.int32)
    deepest = np.ones(options.size, np.float32)
    spacing = np.array(options.spacing)
    radii = np.maximum(rng.normal(options.radius, options.radius_sd, len(dots)), 0.3 * options.radius)
    axes = radii[:, None] * np.exp(rng.normal(0, options.elongation, (len(dots), 3)))
    turns = Rotation.from_quat(rng.normal(size=(len(dots), 4))).as_matrix() if len(dots) else ()
    for label, (dot, axis, turn) in enumerate(zip(dots, axes, turns, strict=True), start=1):
        reach = axis.max() / spacing
        first = np.maximum(np.ceil(dot - reach), 0).astype(int)
        last = np.minimum(np.floor(dot + reach), np.array(options.size) - 1).astype(int)
        box = tuple(slice(low, high + 1) for low, high in zip(first, last, strict=True))
        z, y, x = ((np.arange(s.start, s.stop) - d) * w for s, d, w in zip(box, dot, spacing, strict=True))
        # |M v|² < 1 inside the ellipsoid, with v from its centre and M = its axes' directions over their lengths
        m = turn.T / axis[:, None]
        along = m[:, 0, None, None, None] * z[:, None, None] + m[:, 1, None, None, None] * y[:, None]
        inside = ((along + m[:, 2, None, None, None] * x) ** 2).sum(axis=0)
        wins = inside < deepest[box]
        deepest[box][wins] = inside[wins]
        mask[box][wins] = label
    return mask


def _emit(mask: np.ndarray, number: int, options: Options, rng: np.random.Generator) -> np.ndarray:
    """Light of the nuclei, each with its brightness, under one texture."""
    scale = np.zeros(number + 1, np.float32)
    scale[1:] = options.brightness * np.maximum(rng.normal(1, options.brightness_sd, number), 0.1)
    light = smooth_noise(mask.shape, options.texture_scale / np.array(options.spacing), rng)
    light *= options.texture
    light += 1
    np.maximum(light, 0, out=light)
    light *= scale[mask]
    return light


def _spread(light: np.ndarray, options: Options) -> np.ndarray:
    """What the optics and the tissue make of the light; what lies beyond the border goes on as at the border."""
    across, along = options.psf[1], options.psf[0]
    sigma = np.array((along, across, across)) / options.spacing
    ndimage.gaussian_filter(light, sigma, output=light, mode="nearest", truncate=3)
    if options.haze:
        # Two means over boxes are near enough to a bell, and cost the same at any width.
        width = 1 + 2 * np.rint(options.haze_reach / np.array(options.spacing)).astype(int)
        haze = ndimage.uniform_filter(light, width, mode="nearest")
        ndimage.uniform_filter(haze, width, output=haze, mode="nearest")
        light *= 1 - options.haze
        haze *= options.haze
        light += haze
    return light
