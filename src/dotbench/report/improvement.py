"""The relative drop in percent that some papers print under their tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dotbench.cards.paper import Improvement


def improvement(values: Mapping[str, float], part: Improvement, methods: Collection[str]) -> float | None:
    """How far `part.of` is below the best of the others; None while one of them is missing."""
    others = set(part.over) or set(methods) - {part.of}
    if not others or (others | {part.of}) - set(values):
        return None
    best = min(values[method] for method in others)
    return 100 * (best - values[part.of]) / best if best else None
