"""The facts of a prepared dataset: counts, distances, and what was odd about its masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dotbench.cards.dataset import DatasetCard
from dotbench.errors import UserError

if TYPE_CHECKING:
    from dotbench.data.prepare import Prepared

# Cards give two decimals; the rest is for binary fractions.
TOLERANCE = 0.005 + 1e-6


def describe(images: Sequence[Prepared], card: DatasetCard) -> dict:
    """Ground-truth statistics over labelled images; sd is that of the images themselves, as papers print it."""
    labelled = [image for image in images if image.labelled]
    counts = np.array([len(image.dots) for image in labelled] or [0])
    duplicates = {image.id: len(image.dots) - len(np.unique(image.dots, axis=0)) for image in labelled}
    return {
        "images": len(images),
        "labelled": len(labelled),
        "groups": len({image.group for image in images}),
        "dots": int(counts.sum()),
        "mean": round(float(counts.mean()), 4),
        "sd": round(float(counts.std()), 4),
        "min": int(counts.min()),
        "max": int(counts.max()),
        "neighbour_distance": _neighbour_distance(labelled, card),
        "duplicates": {name: number for name, number in duplicates.items() if number},
    }


def compare(statistics: Mapping, card: DatasetCard) -> None:
    """Raises where the facts on the card are not found: then the reader, not the verified files, is at fault."""
    if card.statistics is None:
        return
    pinned = card.statistics.model_dump(exclude_none=True)
    wrong = [
        f"{name}: {statistics[name]} instead of {value}"
        for name, value in pinned.items()
        if abs(statistics[name] - value) > TOLERANCE
    ]
    if wrong:
        raise UserError(
            f"{card.id} is not what its card says: {', '.join(wrong)}",
            where=f"config/datasets/{card.id}.yaml (statistics)",
            next=f"mend the reader {card.reader}; or, if the files are meant to differ, the card",
        )


def summarise_masks(reports: Mapping[str, dict]) -> dict:
    """Totals over all images, and by image only what is odd."""
    odd = ("split", "border", "fragments", "moved")
    totals = {kind: sum(len(report[kind]) for report in reports.values()) for kind in odd}
    by_image = {
        name: {kind: report[kind] for kind in odd if report[kind]} for name, report in reports.items()
    }
    return {
        "objects": sum(report["objects"] for report in reports.values()),
        **totals,
        "images": {name: report for name, report in by_image.items() if report},
    }


def _neighbour_distance(images: Sequence[Prepared], card: DatasetCard) -> dict[str, float]:
    """Quantiles of the distance to the nearest other dot, in in-plane pixels."""
    from scipy.spatial import cKDTree

    spacing = np.array(card.voxel)
    found = [np.empty(0)]
    for image in images:
        if len(image.dots) > 1:
            points = image.dots * spacing
            found.append(cKDTree(points).query(points, k=2)[0][:, 1])
    distances = np.concatenate(found)
    if not len(distances):
        return {}
    quantiles = np.quantile(distances, (0.05, 0.25, 0.5))
    return dict(zip(("q05", "q25", "median"), (round(float(value), 2) for value in quantiles), strict=True))
