"""The numbers a trial is judged by: what each is called, which way is better, and how papers print it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One number of metrics.json, as tables and figures show it."""

    label: str
    better: Literal["low", "high", "zero"] | None
    """None: a plain fact, neither good nor bad"""
    about: Literal["count", "place"]
    """whether it judges how many cells were found or where"""
    percent: bool = False
    """stored as a share of 1, shown in percent"""

    @property
    def scale(self) -> float:
        return 100.0 if self.percent else 1.0


METRICS: dict[str, Metric] = {
    "mae": Metric("MAE", "low", "count"),
    "rmse": Metric("RMSE", "low", "count"),
    "mse": Metric("MSE", "low", "count"),
    "nae": Metric("NAE", "low", "count"),
    "bias": Metric("bias", "zero", "count"),
    "r2": Metric("R²", "high", "count"),
    "game1": Metric("GAME(1)", "low", "place"),
    "game2": Metric("GAME(2)", "low", "place"),
    "game3": Metric("GAME(3)", "low", "place"),
    "precision": Metric("precision (%)", "high", "place", percent=True),
    "recall": Metric("recall (%)", "high", "place", percent=True),
    "f1": Metric("F1 (%)", "high", "place", percent=True),
    "f1_r8": Metric("F1 within 8 pixels (%)", "high", "place", percent=True),
    "numorph_precision": Metric("precision by NuMorph's rule (%)", "high", "place", percent=True),
    "numorph_recall": Metric("recall by NuMorph's rule (%)", "high", "place", percent=True),
    "numorph_f1": Metric("F1 by NuMorph's rule (%)", "high", "place", percent=True),
    "cells_true": Metric("annotated cells", None, "count"),
    "cells_predicted": Metric("predicted cells", None, "count"),
    "diameter": Metric("cell diameter (px)", None, "place"),
}
