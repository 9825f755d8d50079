"""Named kinds of simulated 2D images, each value with its reason."""

from __future__ import annotations

from typing import Any

# Fitted to the 200 published VGG cell images (Lempitsky & Zisserman 2010), which SIMCEP made.
# How close it comes: benchmarks/vgg_likeness.py.
VGG_LIKE: dict[str, Any] = {
    "size": (256, 256),
    "field": (256, 256),
    # cut so far inside its tails, this has the published 176 ± 62 and nearly flat shoulders
    "count": {"mean": 155, "sd": 95, "low": 70, "high": 315},
    # published cells overlap freely (a fifth lies within half a cell's width of another), are 1.1 times as frequent
    # within 60 px of each other as anywhere, and rarer in the corners: many wide clusters
    "places": {"overlap": 1, "separation": 2, "clustered": 0.6, "clusters": 8, "spread": 60},
    # radial profile and elongation of the isolated cells
    "radius": 4.95,
    "radius_sd": 0.2,
    "roughness": 0.04,
    # their total light (± 15 %, of which texture makes most) and the contrast inside the sharp ones
    "brightness": 155,
    "brightness_sd": 0.05,
    "texture": 0.23,
    "texture_scale": 1.2,
    # their profiles again, from the sharpest to the most blurred tenth; depths are uniform
    "blur": (1.0, 2.75),
    "focus": 1,
    # sharpness of neighbours correlates by 0.7 up to 11 px, then not at all: cells that touch share a depth
    "touching": 2.2,
    # empty places: the brightest grows by 0.24 levels a cell, wherever the cells are; cells do not dim with it
    "background": 41,
    "stray": 0.24,
    "lamp_shift": 0.3,
    "lamp_dents": 0.4,
    "shading": 0,
    # empty places have 2.9 levels of noise that neighbours share, at all brightnesses; pixels pile up at 249
    "camera": {"full": 249, "photons": 110, "read_noise": 2.95, "grain": 0.8},
}

# Quick to learn on two CPU cores: few cells, hardly overlapping, well lit.
SMALL: dict[str, Any] = {
    "size": (96, 96),
    "field": (96, 96),
    "count": {"mean": 16, "sd": 8, "low": 0, "high": 40},
    # one in five may overlap; the others keep the distance at which two outlines just touch
    "places": {"overlap": 0.2, "separation": 2, "clustered": 0.4, "clusters": 2, "spread": 16},
    "radius": 5,
    "radius_sd": 0.5,
    "roughness": 0.06,
    "brightness": 150,
    "brightness_sd": 0.15,
    "texture": 0.25,
    "texture_scale": 1.2,
    # two thirds of the cells in the sharper half
    "blur": (0.8, 2.2),
    "focus": 1.7,
    "touching": None,
    "background": 45,
    "stray": 0,
    "lamp_shift": 0.3,
    "lamp_dents": 0.25,
    # a lamp that lights background and cells alike
    "shading": 0.3,
    "camera": {"full": 255, "photons": 30, "read_noise": 2},
}

PRESETS = {"small": SMALL, "vgg_like": VGG_LIKE}
