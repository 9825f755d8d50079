"""Training a network from its cards and folders, through interruptions, to the files of its model."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from dotbench.contract.model import write_model
from dotbench.contract.records import TrainRecord
from dotbench.contract.status import Stopped
from dotbench.contract.tables import write_history
from dotbench.inference.device import Compute, choose, facts
from dotbench.memory import keep_freed
from dotbench.networks import Network, load_network
from dotbench.training import checkpoint
from dotbench.training.job import Job
from dotbench.training.loop import Loop, State, copy_of
from dotbench.training.progress import Progress
from dotbench.training.start import hand_over, origin
from dotbench.training.stopping import wish_to_stop
from dotbench.training.task import Task


def train(task: Task) -> None:
    """Goes on from the checkpoint if there is one."""
    task.check_images()
    if not task.split.train:
        hand_over(task.start, task)
        return
    card = task.card
    network = load_network(card.module, card.options, card.line_of("options"))
    compute = _without_flat_layers(choose(task.device, task.deterministic, task.threads), task, network)
    job = Job(task, compute, network)
    keep_freed()
    with checkpoint.locked(task.checkpoints), compute.settings():
        state = job.fresh_state()
        key = job.key
        saved = checkpoint.load(task.checkpoints, key, compute.device)
        if saved:
            state.restore(saved)
        loop = Loop(state, card.training, job.network, job.stages(), job.watch(), compute)
        _run(loop, task, key)
        _write(job, loop, task.out)
        checkpoint.clear(task.checkpoints)


def _without_flat_layers(compute: Compute, task: Task, network: Network) -> Compute:
    """float32 where the deepest layer of a 3D network would see a slice or two.

    On CPUs the bfloat16 gradient of Conv3d weights reads memory that nobody wrote when its input is one or two slices
    deep (PyTorch 2.15, oneDNN): NaN if one is lucky, wrong gradients if not.
    """
    if compute.gpu or task.dataset.ndim == 2:
        return compute
    shallowest = min(task.dataset.shape(id)[0] for id in task.split.train)
    depths = [shallowest if stage.crop is None else stage.crop[0] for stage in task.card.training.stages]
    if min(depths) // network.stride > 2:
        return compute
    return replace(compute, dtype=torch.float32)


def _run(loop: Loop, task: Task, key: str) -> None:
    progress = Progress(str(task.trial), task.checkpoints, loop.state.step, loop.steps)
    saved_at = time.monotonic()

    def after_step(state: State) -> None:
        nonlocal saved_at
        if state.history:
            progress.note(loss=state.history[-1].loss, validation=state.history[-1].validation_mae)
        progress.step()
        if wish.signal or time.monotonic() - saved_at > task.checkpoint_every:
            checkpoint.save(task.checkpoints, key, state.save())
            saved_at = time.monotonic()
        if wish.signal:
            raise Stopped(
                f"{wish.signal} at step {state.step} of {loop.steps}; run again to go on from there"
            )

    with wish_to_stop() as wish:
        try:
            loop.run(after_step)
        finally:
            progress.close()


def _finished(job: Job, state: State) -> dict[str, Tensor]:
    """The weights that are kept, after what the network does to them last."""
    weights, network = state.weights(), job.network
    if network.finish is None:
        return weights
    state.model.load_state_dict(weights)
    with job.compute.autocast():
        network.finish(state.model, job.images(), network.options)
    return copy_of(state.model)


def _write(job: Job, loop: Loop, out: Path) -> None:
    state, intensity = loop.state, job.intensity
    write_history(out, state.history)
    about = {
        "card": job.task.card.model_dump(mode="json"),
        "channels": intensity.channels,
        "ndim": intensity.ndim,
        "mean": intensity.mean,
        "sd": intensity.sd,
        "peak": job.target_facts["peak"],
        "precision": job.compute.precision,
    }
    write_model(out, {name: value.numpy() for name, value in _finished(job, state).items()}, about)
    kept = state.best_step or state.step
    record = TrainRecord(
        trial=str(job.task.trial),
        status="ok",
        reason="",
        seed=job.task.seed,
        steps=state.step,
        kept_step=kept,
        validation_mae=next((row.validation_mae for row in state.history if row.step == kept), None),
        parameters=sum(weight.numel() for weight in state.model.parameters()),
        weights=origin(task.start) if (task := job.task).start else job.network.weights,
        seconds=round(state.seconds, 2),
        **facts(job.compute),
    )
    # Last of all files: a reader that finds the status finds the rest too.
    record.write(out)
