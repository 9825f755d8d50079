"""Fixtures that several test files share: the offline mirror, and tiny datasets in the canonical form."""

from __future__ import annotations

import csv
import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder with the public datasets as published, for tests on real data without internet."""
    shared = ROOT.parent / "shared"
    folder = shared / "datasets"
    if folder.is_dir():
        return folder
    if os.environ.get("CI") and shared.exists():
        pytest.fail(f"no offline mirror at {folder}: tests on real data must not be skipped in CI")
    pytest.skip(f"no offline mirror of the public datasets at {folder}")


@pytest.fixture(scope="session")
def prepared(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Fetches a public dataset from the mirror and prepares it, once a session whatever the number of workers."""
    from dotbench.cards import load_dataset
    from dotbench.contract.layout import Layout
    from dotbench.data.fetch import fetch
    from dotbench.data.prepare import prepare

    base = tmp_path_factory.getbasetemp()
    # The workers of pytest-xdist have a folder each below a common one.
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    layout = Layout(base / "results", base / "resources")

    def get(dataset: str) -> Path:
        with (base / f"{dataset}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder = layout.dataset(dataset)
            if not (folder / "dataset.json").is_file():
                card = load_dataset(dataset)
                fetch(card, layout, [mirror], progress=False)
                prepare(card, layout)
        return folder

    return get


@pytest.fixture(scope="session")
def make_dataset() -> Callable[..., Path]:
    """Writes a small dataset in the canonical form into a folder and returns that folder."""
    return _make_dataset


@pytest.fixture
def tiny_dataset(tmp_path: Path) -> Path:
    """Six grey 48x40 images with 3 to 8 dots in three groups, where Layout(resources=tmp_path / "resources") finds it."""
    return _make_dataset(tmp_path / "resources" / "datasets" / "tiny")


@pytest.fixture
def tiny_volumes(tmp_path: Path) -> Path:
    """Four 16x32x32 volumes with instance masks."""
    folder = tmp_path / "resources" / "datasets" / "tiny3d"
    return _make_dataset(folder, images=4, shape=(16, 32, 32), masks=True)


def _make_dataset(
    folder: Path,
    *,
    images: int = 6,
    shape: tuple[int, ...] = (48, 40),
    channels: int = 0,
    masks: bool = False,
    unlabelled: int = 0,
    radius: float = 3.0,
    seed: int = 0,
) -> Path:
    """Bright balls on a noisy ground, one a dot; every two images are a group; the last `unlabelled` have no dots."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    rows, dots = [], []
    for number in range(images):
        name, count = f"img{number:03d}", 3 + number % 6
        points = _scatter(rng, count, shape, radius)
        grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
        distance = np.sqrt(((grid[..., None, :] - points) ** 2).sum(-1))
        image = rng.normal(20, 2, shape) + 150 * np.exp(-((distance / radius) ** 2)).sum(-1)
        image = image.clip(0, 255).astype(np.uint8)
        if channels:
            image = np.repeat(image[..., None], channels, axis=-1)
        tifffile.imwrite(folder / "images" / f"{name}.tif", image)
        if masks:
            labels = np.where(distance.min(-1) <= radius, distance.argmin(-1) + 1, 0).astype(np.uint16)
            (folder / "masks").mkdir(exist_ok=True)
            tifffile.imwrite(folder / "masks" / f"{name}.tif", labels)
        labelled = number < images - unlabelled
        depth = shape[0] if len(shape) == 3 else 1
        size = {"depth": depth, "height": shape[-2], "width": shape[-1]}
        rows.append({"image": name, "group": f"group{number // 2}", **size, "dots": count if labelled else 0})
        rows[-1]["labelled"] = labelled
        if labelled:
            for point in points:
                z, y, x = [0.0] * (3 - len(shape)) + point.tolist()
                dots.append({"image": name, "z": z, "y": y, "x": x})
    _write_csv(
        folder / "images.csv", ["image", "group", "depth", "height", "width", "dots", "labelled"], rows
    )
    _write_csv(folder / "dots.csv", ["image", "z", "y", "x"], dots)
    info = {
        "dataset": folder.name,
        "ndim": len(shape),
        "channels": max(channels, 1),
        "dtype": "uint8",
        "spacing": [1.0] * len(shape),
        "cell_radius": radius,
        "masks": masks,
        "roi": False,
        "digest": "0" * 64,
    }
    (folder / "dataset.json").write_text(json.dumps(info))
    return folder


def _scatter(rng: np.random.Generator, count: int, shape: tuple[int, ...], radius: float) -> np.ndarray:
    """Whole-pixel points that keep two radii from each other and one from the border."""
    points: list[np.ndarray] = []
    while len(points) < count:
        point = np.array([rng.integers(int(radius), size - int(radius)) for size in shape], dtype=float)
        if all(np.linalg.norm(point - other) > 2 * radius for other in points):
            points.append(point)
    return np.array(points)


def _write_csv(path: Path, columns: list[str], rows: list[dict]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
