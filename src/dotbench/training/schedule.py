"""Learning rates: a function of the step alone, so that a resumed training goes on exactly."""

from __future__ import annotations

import math

from dotbench.cards.method import Schedule, Stage


def steps_per_epoch(stage: Stage, images: int) -> int:
    return math.ceil(images * stage.crops_per_image / stage.batch)


def stage_steps(stage: Stage, images: int) -> int:
    return stage.steps or stage.epochs * steps_per_epoch(stage, images)


def learning_rate(stage: Stage, step: int, images: int) -> float:
    """The rate of one step, counted from the start of its stage."""
    schedule, steps = stage.schedule, stage_steps(stage, images)
    match schedule.name:
        # What a plateau takes off, the loop knows.
        case "constant" | "plateau":
            share = 1.0
        case "step":
            share = schedule.factor ** (step // (schedule.every * steps_per_epoch(stage, images)))
        case "cosine":
            share = _cosine(step / steps, schedule.floor)
        case "cosine_restarts":
            share = _cosine(_within_period(schedule, step), schedule.floor)
        case "one_cycle":
            warm = max(1, round(schedule.warmup * steps))
            # Never 0 in the first step: it would be computed for nothing.
            share = (
                (step + 1) / warm
                if step < warm
                else _cosine((step - warm) / max(1, steps - warm), schedule.floor)
            )
    return stage.lr * share


def _cosine(done: float, floor: float) -> float:
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def _within_period(schedule: Schedule, step: int) -> float:
    length, start = float(schedule.first), 0.0
    while step >= start + length:
        start += length
        length *= schedule.grow
    return (step - start) / length
