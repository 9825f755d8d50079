"""How like simulated images are to real ones: four distances, and a figure that shows where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import ks_2samp, wasserstein_distance

from dotbench.files import atomic


@dataclass(frozen=True)
class Looks:
    """What is compared of a set of 8-bit images with dots."""

    histogram: np.ndarray
    """share of the pixels at each of the 256 grey levels"""
    power: np.ndarray
    """decibels at 1, 2, ... half-the-width cycles an image"""
    nearest: np.ndarray
    """distance of each dot to its nearest neighbour, px"""
    counts: np.ndarray

    @classmethod
    def of(cls, images: Sequence[np.ndarray], dots: Sequence[np.ndarray]) -> Looks:
        levels = sum(np.bincount(np.ravel(image), minlength=256) for image in images)
        power = np.mean([_radial_power(image) for image in images], axis=0)
        whole = [_whole_pixels(points) for points in dots]
        nearest = [cKDTree(points).query(points, 2)[0][:, 1] for points in whole if len(points) > 1]
        counts = np.array([len(points) for points in whole])
        return cls(
            levels / levels.sum(), 10 * np.log10(power), np.concatenate(nearest or [np.empty(0)]), counts
        )


@dataclass(frozen=True)
class Likeness:
    """Distances between two sets of images; each is 0 for equal sets."""

    histogram: float
    """Wasserstein distance of the intensity histograms, grey levels"""
    power: float
    """root-mean-square difference of the log power spectra over all radial frequencies, dB"""
    nearest: float
    """Kolmogorov-Smirnov distance of the nearest-neighbour distances"""
    counts: float
    """Kolmogorov-Smirnov distance of the cells an image"""

    @classmethod
    def between(cls, one: Looks, other: Looks) -> Likeness:
        levels = np.arange(256)
        return cls(
            histogram=float(wasserstein_distance(levels, levels, one.histogram, other.histogram)),
            power=float(np.sqrt(np.mean((one.power - other.power) ** 2))),
            nearest=float(ks_2samp(one.nearest, other.nearest).statistic),
            counts=float(ks_2samp(one.counts, other.counts).statistic),
        )

    def __str__(self) -> str:
        return (
            f"intensities {self.histogram:.2f} grey levels, power spectrum {self.power:.2f} dB, "
            f"nearest neighbours {self.nearest:.3f}, counts {self.counts:.3f}"
        )


def figure_likeness(
    simulated: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
    real: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
    path: Path | str,
    crops: int = 6,
) -> Likeness:
    """Draws both sets, each given as (images, dots): crops side by side and the four compared distributions."""
    from matplotlib.figure import Figure

    looks = {"real": Looks.of(*real), "simulated": Looks.of(*simulated)}
    likeness = Likeness.between(looks["simulated"], looks["real"])
    figure = Figure(figsize=(2.3 * crops, 8), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.9, 1])
    for row, (name, (images, dots)) in zip(
        upper.subplots(2, crops), {"real": real, "simulated": simulated}.items(), strict=True
    ):
        _draw_crops(row, name, images, dots)
    panels = lower.subplots(1, 4)
    _draw_histogram(panels[0], looks, likeness)
    _draw_power(panels[1], looks, likeness)
    _draw_nearest(panels[2], looks, likeness)
    _draw_counts(panels[3], looks, likeness)
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=150)
    return likeness


STYLE = {"real": {"color": "black"}, "simulated": {"color": "tab:orange"}}


def _draw_crops(axes, name: str, images, dots) -> None:
    """Images at evenly spaced ranks of the count, so that both rows show sparse to crowded; every other one enlarged."""
    order = np.argsort([len(points) for points in dots], kind="stable")
    for column, (axis, rank) in enumerate(zip(axes, np.linspace(0.05, 0.95, len(axes)), strict=True)):
        chosen = order[int(rank * (len(order) - 1))]
        height, width = images[chosen].shape
        middle = np.s_[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4]
        axis.imshow(images[chosen][middle if column % 2 else ...], cmap="gray", vmin=0, vmax=255)
        words = "middle of one with {} cells" if column % 2 else "{} cells"
        axis.set(xticks=[], yticks=[], xlabel=words.format(len(dots[chosen])))
    axes[0].set_ylabel(name)


def _draw_histogram(axis, looks: dict[str, Looks], likeness: Likeness) -> None:
    for name, look in looks.items():
        axis.plot(100 * look.histogram, lw=1, label=name, **STYLE[name])
    axis.set(
        xlabel="grey level", ylabel="pixels, %", title=f"intensities: {likeness.histogram:.2f} levels apart"
    )


def _draw_power(axis, looks: dict[str, Looks], likeness: Likeness) -> None:
    for name, look in looks.items():
        axis.plot(np.arange(1, len(look.power) + 1), look.power, lw=1, **STYLE[name])
    axis.set(
        xscale="log",
        xlabel="cycles an image",
        ylabel="power, dB",
        title=f"power: {likeness.power:.2f} dB apart",
    )


def _draw_nearest(axis, looks: dict[str, Looks], likeness: Likeness) -> None:
    for name, look in looks.items():
        axis.ecdf(look.nearest, lw=1, **STYLE[name])
    axis.set(xlim=(0, 30), xlabel="nearest neighbour, px", ylabel="share of the cells")
    axis.set_title(f"neighbours: KS {likeness.nearest:.3f}")


def _draw_counts(axis, looks: dict[str, Looks], likeness: Likeness) -> None:
    for name, look in looks.items():
        label = f"{look.counts.mean():.0f} ± {look.counts.std(ddof=1):.0f}"
        axis.ecdf(look.counts, lw=1, label=label, **STYLE[name])
    axis.set(xlabel="cells an image", ylabel="share of the images", title=f"counts: KS {likeness.counts:.3f}")
    axis.legend(frameon=False, loc="lower right")


def _whole_pixels(points: np.ndarray) -> np.ndarray:
    """Published dots are pixels: two cells on one pixel are one dot there, and so they must be here."""
    return np.unique(np.rint(points).astype(int), axis=0)


def _radial_power(image: np.ndarray) -> np.ndarray:
    """Mean power in rings of one cycle an image, of the image less its mean under a window without edges."""
    size = min(image.shape)
    window = np.hanning(size + 2)[1:-1]
    tile = image[:size, :size].astype(float)
    power = np.abs(np.fft.fft2((tile - tile.mean()) * np.outer(window, window))) ** 2 / (window**2).sum() ** 2
    cycles = np.fft.fftfreq(size, 1 / size)
    ring = np.rint(np.hypot(*np.meshgrid(cycles, cycles, indexing="ij"))).astype(int).ravel()
    mean = np.bincount(ring, power.ravel()) / np.bincount(ring)
    return mean[1 : size // 2 + 1]
