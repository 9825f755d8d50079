"""The training loop: steps, looks at the validation images, checkpoints; exact when resumed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from dotbench.cards.method import Training
from dotbench.contract.tables import HistoryRow
from dotbench.inference.device import Compute
from dotbench.networks import Network
from dotbench.training.batches import Batch, Batches
from dotbench.training.losses import pixel_loss
from dotbench.training.schedule import learning_rate, stage_steps
from dotbench.training.watch import Watch, check_loss


@dataclass
class State:
    """All that a training is, apart from what its step number determines."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    loss: Tensor = field(default_factory=lambda: torch.zeros(()))
    """summed since the last row of the history; on the device, so that no step waits for it"""
    since: int = 0
    constant: int = 0
    best: float | None = None
    best_step: int = 0
    best_weights: dict[str, Tensor] | None = None
    lowest: float | None = None
    """schedule plateau: what should fall, at its lowest"""
    waited: int = 0
    """looks since then"""
    dropped: float = 1.0
    """what plateaus left of the learning rate"""
    stopped: bool = False
    """whether a plateau has ended the training"""
    history: list[HistoryRow] = field(default_factory=list)

    def save(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in _PLAIN}
        # A checkpoint holds plain values only: others could run code.
        plain["history"] = [astuple(row) for row in self.history]
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), **plain}

    def restore(self, saved: dict[str, Any]) -> None:
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        for name in _PLAIN:
            setattr(self, name, saved[name])
        self.history = [HistoryRow(*row) for row in saved["history"]]

    def weights(self) -> dict[str, Tensor]:
        """Those that the card wants kept."""
        return self.best_weights or copy_of(self.model)


_PLAIN = (
    *("step", "seconds", "loss", "since", "constant", "best", "best_step", "best_weights", "history"),
    *("lowest", "waited", "dropped", "stopped"),
)


class Loop:
    """One training, from wherever its state is to the end."""

    def __init__(
        self,
        state: State,
        training: Training,
        network: Network,
        stages: list[Batches],
        watch: Watch,
        compute: Compute,
    ):
        self.state, self.training, self.network = state, training, network
        self.stages, self.watch, self.compute = stages, watch, compute
        self.images = len(stages[0].pool.sizes)
        lengths = [stage_steps(stage, self.images) for stage in self.training.stages]
        self.ends = list(itertools.accumulate(lengths))

    @property
    def steps(self) -> int:
        return self.ends[-1]

    def run(self, after_step: Callable[[State], None]) -> None:
        state, start = self.state, time.monotonic() - self.state.seconds
        self.watch.constant = state.constant
        state.loss = state.loss.to(self.compute.device)
        state.model.train()
        while state.step < self.steps and not state.stopped:
            lr = self._step()
            state.step += 1
            state.seconds = time.monotonic() - start
            if state.step % self.training.validate_every == 0 or state.step == self.steps:
                self._look(lr)
            after_step(state)

    def _step(self) -> float:
        state = self.state
        stage = self._stage(state.step)
        within = state.step - (self.ends[stage - 1] if stage else 0)
        lr = learning_rate(self.training.stages[stage], within, self.images) * state.dropped
        for group in state.optimizer.param_groups:
            group["lr"] = lr
        batch, seed = self.stages[stage](within)
        # What a network draws itself (dropout, noise) depends on the step alone, too.
        torch.manual_seed(seed)
        loss = self._loss(batch)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.training.clip:
            nn.utils.clip_grad_norm_(state.model.parameters(), self.training.clip)
        state.optimizer.step()
        state.loss += loss.detach()
        state.since += 1
        return lr

    def _stage(self, step: int) -> int:
        return next(number for number, end in enumerate(self.ends) if step < end)

    def _loss(self, batch: Batch) -> Tensor:
        model, network = self.state.model, self.network
        if network.loss is not None:
            with self.compute.autocast():
                return network.loss(model, batch, self.state.step, network.options).float()
        image = batch.image.contiguous(memory_format=self.compute.memory_format(batch.image.ndim - 2))
        with self.compute.autocast():
            output = model(image)
        return pixel_loss(self.training.loss, output, batch.target, batch.weight)

    def _look(self, lr: float) -> None:
        state = self.state
        check_loss(state.loss)
        error = self.watch.look(state.model, last=state.step == self.steps)
        state.constant = self.watch.constant
        if (
            self.training.select == "validation"
            and error is not None
            and (state.best is None or error < state.best)
        ):
            state.best, state.best_step, state.best_weights = error, state.step, copy_of(state.model)
        loss = float(state.loss) / state.since
        state.history.append(HistoryRow(state.step, lr, loss, error, round(state.seconds, 2)))
        state.loss.zero_()
        state.since = 0
        self._wait(loss if error is None else error)

    def _wait(self, seen: float) -> None:
        """What a schedule does that goes by success and not by the step."""
        state = self.state
        schedule = self.training.stages[self._stage(state.step - 1)].schedule
        if schedule.name != "plateau":
            return
        if state.lowest is None or seen < state.lowest:
            state.lowest, state.waited = seen, 0
            return
        state.waited += 1
        if state.waited % schedule.every == 0:
            state.dropped *= schedule.factor
        state.stopped = schedule.stop is not None and state.waited >= schedule.stop


def copy_of(model: nn.Module) -> dict[str, Tensor]:
    return {
        name: value.detach().to("cpu", copy=True).contiguous() for name, value in model.state_dict().items()
    }
