"""Named kinds of simulated 3D volumes, each value with its reason. Lengths are in in-plane pixels."""

from __future__ import annotations

from typing import Any

# Nuclei of cleared mouse cortex under a light sheet, as in the volumes of NuMorph (Krupa 2021) that Guo 2022 counts.
# Made from what is published about those; the volumes themselves cannot be had unattended.
LIGHT_SHEET: dict[str, Any] = {
    # size of the volumes that are counted, and their voxels of 2.5 x 0.75 x 0.75 um
    "size": (64, 224, 224),
    "field": (64, 224, 224),
    "spacing": (3.33, 1, 1),
    # 861 ± 256 nuclei; cut where a normal distribution has its last percent
    "count": {"mean": 861, "sd": 260, "low": 250, "high": 1470},
    # bodies cannot lie in each other, but segmentations of blurred ones touch: one in seven may
    "places": {"overlap": 0.15, "separation": 1.8, "clustered": 0.3, "clusters": 20, "spread": 30},
    # cortical nuclei are about 9 um wide: 12 pixels, less than 4 slices
    "radius": 6,
    "radius_sd": 0.7,
    # longest to shortest axis: 1.3 in the median
    "elongation": 0.12,
    # a bright nucleus has some 2000 levels of 16 bits over a background of some 300
    "brightness": 1800,
    "brightness_sd": 0.25,
    # clumps of chromatin, 1.1 um
    "texture": 0.3,
    "texture_scale": 1.5,
    # a sheet of 5 um and a lens of aperture 0.25: standard deviations of 2.1 um along and 0.8 um across the axis
    "psf": (2.8, 1.1),
    # an eighth of the light is scattered over some 15 um
    "haze": 0.12,
    "haze_reach": 20,
    # the deepest slice (213 px) keeps half of its light
    "attenuation": 300,
    "background": 300,
    # 0.2 photons a level: 5 % noise at 2000 levels
    "camera": {"full": 65535, "photons": 0.2, "read_noise": 8},
}

# A few nuclei well apart, for quick runs.
SMALL: dict[str, Any] = {
    **LIGHT_SHEET,
    "size": (16, 64, 64),
    "field": (16, 64, 64),
    "count": {"mean": 14, "sd": 5, "low": 0, "high": 30},
    "places": {"overlap": 0, "separation": 2, "clustered": 0, "clusters": 1, "spread": 30},
}

PRESETS = {"small": SMALL, "light_sheet": LIGHT_SHEET}
