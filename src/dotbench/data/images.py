"""Reading and writing images: any common format in, plain TIFF out, with errors that name the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from dotbench.errors import UserError
from dotbench.memory import require

NIFTI = (".nii", ".nii.gz")
TIFF = (".tif", ".tiff")
PILLOW = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
SUFFIXES = TIFF + PILLOW + NIFTI + (".npy",)


def read_image(path: Path, ndim: int = 2) -> np.ndarray:
    """The pixels as stored, YX, YXC or (ndim 3) ZYX; memory-mapped where the file allows it."""
    try:
        if not path.is_file():
            raise UserError(
                f"no image {path.name}", where=path, next="put the file there, or take it off the list"
            )
        if path.name.lower().endswith(NIFTI):
            return _read_nifti(path)
        if path.suffix.lower() in TIFF:
            return _read_tiff(path, ndim)
        if path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False)
        return _read_pillow(path)
    except (UserError, MemoryError):
        raise
    except Exception as problem:
        # Decoders of damaged files raise nearly anything, from SyntaxError to struct.error.
        raise UserError(
            f"cannot read the image {path.name}: {problem}",
            where=path,
            allowed=f"{', '.join(SUFFIXES)}, not damaged",
            next="open it in an image viewer; if it is broken there too, fetch or save it again",
        ) from problem


def slabs(image: np.ndarray, size: int = 2**22) -> Iterator[np.ndarray]:
    """The image in pieces along its first axis, so that what is computed of one is small beside the memory."""
    rows = max(1, size // max(1, image[:1].size))
    for start in range(0, len(image), rows):
        yield image[start : start + rows]


def write_image(path: Path, image: np.ndarray, colour: bool = False) -> None:
    """Uncompressed TIFF, so that it can be memory-mapped; equal pixels give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "rgb" if colour and image.shape[-1] == 3 else "minisblack"
    planes = "contig" if colour else None
    tifffile.imwrite(path, np.ascontiguousarray(image), photometric=kind, planarconfig=planes)


def open_image(path: Path) -> np.ndarray:
    """An image that `write_image` wrote, mapped: nothing is read until it is looked at."""
    try:
        return tifffile.memmap(path, mode="r")
    except (OSError, ValueError, struct.error, tifffile.TiffFileError) as problem:
        raise UserError(
            f"cannot open {path.name}: {problem}",
            where=path,
            next=f"delete {path.parent.parent} and run again: the dataset will be prepared anew",
        ) from problem


def _read_tiff(path: Path, ndim: int) -> np.ndarray:
    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        if series.dataoffset is not None:
            image = tifffile.memmap(path, mode="r")
        else:
            _check_memory(path, series.nbytes)
            image = series.asarray()
        # Colours one after the other; in a volume of three or four planes they are not colours, though so labelled.
        if series.axes.startswith("S") and ndim == 2:
            image = np.moveaxis(image, 0, -1)
        return image


def _read_pillow(path: Path) -> np.ndarray:
    from PIL import Image

    # Pillow refuses large pictures as an attack on web servers; here the memory decides.
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(path) as picture:
        _check_memory(path, picture.width * picture.height * 4)
        if getattr(picture, "n_frames", 1) > 1:
            raise UserError(
                f"{path.name} is an animation", where=path, next="save its frames as images or as a TIFF"
            )
        plain = {"1": "L", "LA": "L", "P": "RGB", "PA": "RGBA", "CMYK": "RGB", "YCbCr": "RGB", "HSV": "RGB"}
        if picture.mode == "P" and "transparency" in picture.info:
            plain["P"] = "RGBA"
        if picture.mode in plain:
            picture = picture.convert(plain[picture.mode])
        return np.asarray(picture)


def _read_nifti(path: Path) -> np.ndarray:
    try:
        import nibabel
    except ImportError as problem:
        raise UserError(
            "NIfTI files need the package nibabel",
            where=path,
            next="pip install nibabel, or save them as TIFF",
        ) from problem
    volume = nibabel.load(path)
    _check_memory(path, int(np.prod(volume.shape)) * volume.get_data_dtype().itemsize)
    # NIfTI counts x, y, z; a trailing axis of one time point is dropped.
    values = np.asanyarray(volume.dataobj)
    return values.reshape(values.shape[:3]).T if values.shape[3:] in ((), (1,)) else values.T


def _check_memory(path: Path, needed: int) -> None:
    hint = "save it as uncompressed TIFF, which need not fit into memory, or cut it into pieces"
    require(needed, path.name, path, hint)
