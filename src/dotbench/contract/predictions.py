"""The files of a trial written together: predictions, and what stands in their place when there are none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from dotbench.contract.model import write_no_model
from dotbench.contract.prediction import Prediction
from dotbench.contract.records import RunRecord, TrainRecord
from dotbench.contract.tables import write_counts, write_dots, write_history
from dotbench.contract.trial import Trial
from dotbench.files import atomic

MAPS_FILE = "maps.npz"
MAPS = 4
"""images of which the map is kept, for figures"""


def write_predictions(
    folder: Path, trial: Trial, predictions: Mapping[str, Prediction], facts: Mapping[str, object]
) -> None:
    """`predictions` by sample; `facts` is what run.json says about how they came about."""
    folder = Path(folder)
    _write_maps(folder, {id: found.map for id, found in predictions.items() if found.map is not None})
    write_counts(folder, {id: found.count for id, found in predictions.items()})
    write_dots(folder, predictions)
    # Last of all files: a reader that finds the status finds the rest too.
    RunRecord(trial=str(trial), status="ok", reason="", **facts).write(folder)


def write_predict_failure(
    folder: Path, trial: Trial, status: str, reason: str, log: Path | str | None = None, **facts: object
) -> None:
    """The three files that every method owes, without a count."""
    write_counts(folder, {})
    write_dots(folder, {})
    RunRecord(trial=str(trial), status=status, reason=reason, log=log and str(log), **facts).write(folder)


def write_train_failure(
    folder: Path, trial: Trial, status: str, reason: str, log: Path | str | None = None, **facts: object
) -> None:
    """The files of a training without a model: valid, empty, and saying why."""
    write_history(folder)
    write_no_model(folder)
    TrainRecord(trial=str(trial), status=status, reason=reason, log=log and str(log), **facts).write(folder)


def read_maps(folder: Path) -> dict[str, np.ndarray]:
    """The kept maps by sample, in the units of what the method learnt."""
    try:
        with np.load(Path(folder, MAPS_FILE)) as archive:
            return dict(archive)
    except (OSError, ValueError, EOFError, BadZipFile):
        return {}


def _write_maps(folder: Path, maps: Mapping[str, np.ndarray]) -> None:
    if not maps:
        Path(folder, MAPS_FILE).unlink(missing_ok=True)
        return
    with atomic(Path(folder, MAPS_FILE)) as temporary:
        np.savez_compressed(temporary, **{id: map.astype(np.float16) for id, map in maps.items()})
