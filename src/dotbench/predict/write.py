"""The files that every method owes for a split: counts.csv, dots.csv, run.json; and maps.npz for figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dotbench.data.prediction import Prediction
from dotbench.failure import COUNTS, DOTS
from dotbench.paths import Trial
from dotbench.records import atomic, write_csv, write_json

MAPS = 4
"""images of which the map is kept"""


def write_predictions(
    folder: Path, trial: Trial, predictions: Mapping[str, Prediction], facts: Mapping[str, object]
) -> None:
    """`predictions` by sample; `facts` is what run.json says about how they came about."""
    counts = [{"image": id, "count": float(found.count)} for id, found in predictions.items()]
    dots = [row for id, found in predictions.items() for row in rows_of(id, found)]
    maps = {id: found.map.astype(np.float16) for id, found in predictions.items() if found.map is not None}
    folder = Path(folder)
    if maps:
        with atomic(folder / "maps.npz") as temporary:
            np.savez_compressed(temporary, **maps)
    else:
        (folder / "maps.npz").unlink(missing_ok=True)
    write_csv(folder / "counts.csv", COUNTS, counts)
    write_csv(folder / "dots.csv", DOTS, dots)
    # Last of all files: a reader that finds the status finds the rest too.
    write_json(folder / "run.json", {"trial": str(trial), "status": "ok", "reason": "", **facts})


def rows_of(id: str, found: Prediction) -> list[dict[str, object]]:
    scores = found.scores if len(found.scores) else np.ones(len(found.dots))
    rows = []
    for dot, score in zip(np.asarray(found.dots, float), scores, strict=True):
        # No method knows a place to a thousandth of a pixel, or a score to five digits: all digits would be half of the file.
        z, y, x = (*[0.0] * (3 - len(dot)), *dot.round(3).tolist())
        rows.append({"image": id, "z": z, "y": y, "x": x, "score": float(f"{score:.5g}")})
    return rows
