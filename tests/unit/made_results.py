"""Results trees that no method made: what trials would leave behind, for tests of tables and figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dotbench.contract.layout import Layout
from dotbench.contract.predictions import write_predict_failure
from dotbench.contract.trial import Trial
from dotbench.files import write_csv, write_json

RADII = [1, 2, 3, 5, 8, 12, 16]


def make_result(
    layout: Layout, trial: Trial, mae: float = 3.0, f1: float = 0.9, images: int = 12, **more: object
) -> Path:
    """A trial that worked: as far off as asked, with everything a table or figure may read."""
    rng = np.random.default_rng([trial.n, trial.draw, int(10 * mae)])
    folder = layout.trial(trial)
    true = rng.integers(74, 317, images)
    error = rng.normal(0, 1, images)
    error *= mae / np.abs(error).mean()
    predicted = true + error

    def value(number: float, spread: float = 0.1) -> dict[str, float]:
        return {"value": number, "low": number * (1 - spread), "high": number * (1 + spread)}

    rmse = float(np.sqrt(np.mean(error**2)))
    at = 1 - np.exp(-np.array(RADII) / 1.7)
    curve = [round(float(share), 4) for share in f1 * at / at[3]]
    metrics = {
        "trial": str(trial),
        "status": "ok",
        "reason": "",
        "images": images,
        "mae": value(mae),
        "rmse": value(rmse),
        "mse": value(rmse**2, 0.2),
        "nae": value(mae / 175),
        "bias": value(float(error.mean())),
        "r2": value(0.99, 0.005),
        "game1": value(mae * 1.6),
        "game2": value(mae * 2.6),
        "game3": value(mae * 4),
        "precision": value(min(f1 + 0.01, 1), 0.01),
        "recall": value(max(f1 - 0.01, 0), 0.01),
        "f1": value(f1, 0.01),
        "f1_curve": {"radii": RADII, "f1": curve, "precision": curve, "recall": curve},
        "per_image_of_patches": None,
        "cost": {
            "train_seconds": 40.0 * trial.n,
            "predict_seconds": 3.5,
            "device": "cpu",
            "parameters": 1365000,
        },
        **more,
    }
    write_json(folder / "metrics.json", metrics)
    rows = [
        {
            "image": f"img{i:03d}",
            "true": int(t),
            "predicted": float(p),
            "detected": round(p),
            "tp": 0,
            "fp": 0,
            "fn": 0,
        }
        for i, (t, p) in enumerate(zip(true, predicted, strict=True))
    ]
    write_csv(folder / "per_image.csv", list(rows[0]), rows)
    steps = np.arange(50, 2001, 50)
    history = [
        {
            "step": int(step),
            "loss": float(0.02 + np.exp(-step / 300) * rng.uniform(0.8, 1.2)),
            "validation_mae": float(mae + 60 * np.exp(-step / 250) * rng.uniform(0.7, 1.3))
            if step % 100 == 0
            else "",
        }
        for step in steps
    ]
    write_csv(folder / "history.csv", ["step", "loss", "validation_mae"], history)
    write_json(
        folder / "run.json",
        {"trial": str(trial), "status": "ok", "reason": "", "log": f"results/logs/{trial}.log"},
    )
    return folder


def make_failure(
    layout: Layout, trial: Trial, status: str = "oom", reason: str = "10.2 GB asked, 8 GB allowed"
) -> None:
    """A trial whose job ended with a status of its own."""
    folder = layout.trial(trial)
    write_predict_failure(folder, trial, status, reason, log=f"results/logs/predict/{trial}.log")
    write_json(folder / "metrics.json", {"trial": str(trial), "status": status, "reason": reason})
