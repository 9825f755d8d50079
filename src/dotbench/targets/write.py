"""The targets of a whole dataset as files that can be memory-mapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from dotbench.cards.kernels import Kernel
from dotbench.contract.status import Failure
from dotbench.data.dataset import Dataset
from dotbench.files import atomic, read_json, write_json
from dotbench.targets.render import kernel_peak, render

FILE = "target.json"


def write_targets(dataset: Dataset, kernel: Kernel, folder: Path) -> None:
    """{image}.tif for every labelled image, and target.json with what each map holds."""
    ndim, spacing = dataset.ndim, dataset.info["spacing"]
    needs_masks = getattr(kernel, "source", None) == "masks"
    if needs_masks and not dataset.info["masks"]:
        raise Failure(
            "not_applicable",
            f"{dataset.info['dataset']} has no instance masks, which the kernel {kernel.name} draws; a method whose kernel "
            "has `source: discs` needs none",
        )
    images = {}
    for image in dataset.labelled:
        dots, labels = dataset.dots(image), dataset.mask(image) if needs_masks else None
        where = f"dataset {dataset.info['dataset']}, image {image}"
        target = render(dots, dataset.shape(image), kernel, spacing, labels, where)
        with atomic(Path(folder, f"{image}.tif")) as temporary:
            # Uncompressed and in one piece: training maps it into memory instead of reading it.
            tifffile.imwrite(temporary, target.map, photometric="minisblack")
        images[image] = {
            "dots": len(dots),
            "sum": float(target.map.sum(dtype=np.float64)),
            "lost": target.lost,
            "duplicates": target.duplicates,
            "notes": list(target.notes),
        }
    content = {"kernel": kernel.model_dump(), "peak": kernel_peak(kernel, ndim, spacing), "images": images}
    # Last: a folder with target.json is complete.
    write_json(Path(folder, FILE), content)


def write_target_failure(folder: Path, status: str, reason: str, log: Path | str | None = None) -> None:
    """For maps that cannot be drawn: trainings that need them end with the same status."""
    write_json(Path(folder, FILE), {"status": status, "reason": reason, "log": log and str(log)})


def read_target(folder: Path) -> dict:
    """What target.json says of the maps; raises Failure where they could not be drawn."""
    facts = read_json(Path(folder, FILE))
    if "status" in facts:
        raise Failure(facts["status"], facts["reason"])
    return facts
