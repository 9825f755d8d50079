"""One module a published layout, named by the `reader` of a dataset card.

A module has `read(raw, card)`, which gives an ImageRecord for each image in the order of the publication, or (better,
see `Loader`) a function that makes it; and `Options` if the card's `options:` can say something.
"""

from __future__ import annotations

from pathlib import Path

from dotbench.data.images import SUFFIXES
from dotbench.data.record import by_number
from dotbench.errors import UserError


def find(folder: Path, pattern: str) -> list[Path]:
    """Files below a folder, 2 before 10; none at all is an error that says where they were looked for."""
    found = sorted(
        (path for path in folder.glob(pattern) if path.is_file()), key=lambda path: by_number(path.name)
    )
    if not found:
        raise UserError(
            "no files of this dataset here", where=folder / pattern, next="fetch it: snakemake fetch_all"
        )
    return found


def find_images(folder: Path) -> list[Path]:
    """All images of a folder of somebody's own, by number."""
    if not folder.is_dir():
        raise UserError(
            f"no folder {folder.name}",
            where=folder,
            next="put the images there, or mend `options:` of the card",
        )
    found = [path for path in folder.iterdir() if is_image(path)]
    if not found:
        raise UserError(f"no images in {folder.name}", where=folder, allowed=", ".join(SUFFIXES))
    return sorted(found, key=lambda path: by_number(path.name))


def is_image(path: Path) -> bool:
    # Systems leave hidden files in folders (._a.tif of macOS), which only look like images.
    return path.is_file() and path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")


def stem(path: Path) -> str:
    """The name without its suffix, of which .nii.gz has two."""
    return path.name[: -len(".nii.gz")] if path.name.lower().endswith(".nii.gz") else path.stem
