"""The rule by which detections were matched to cells, as figures show it."""

from __future__ import annotations

from collections.abc import Iterable

from dotbench.cards import load_dataset
from dotbench.cards.dataset import Match
from dotbench.errors import UserError
from dotbench.report.result import Draw


def match_of(draws: Iterable[Draw]) -> Match | None:
    """What the scores say they were made with, else what the dataset's card says; None for data without either."""
    draws = list(draws)
    for draw in draws:
        if draw.metrics.match:
            return Match.model_validate(draw.metrics.match)
    try:
        return load_dataset(draws[0].trial.dataset).match if draws else None
    except UserError:
        return None
