"""What a training is made of before its first step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from dotbench.contract.model import MODEL_FILE
from dotbench.contract.status import Failure
from dotbench.data.files import sha256_of
from dotbench.digest import code_digest
from dotbench.inference.device import Compute
from dotbench.inference.intensity import Intensity
from dotbench.inference.tiles import padded
from dotbench.networks import Network
from dotbench.targets.write import read_target
from dotbench.training.batches import Batches
from dotbench.training.checkpoint import training_key
from dotbench.training.loop import State
from dotbench.training.optimizers import make_optimizer
from dotbench.training.pool import Pool, open_sources, open_target
from dotbench.training.start import load_start
from dotbench.training.task import Task
from dotbench.training.watch import Watch, Watched

WITHOUT_VALIDATION = 4
"""training images that tell whether the network is alive when there are no validation images"""


@dataclass(frozen=True)
class Job:
    task: Task
    compute: Compute
    network: Network

    @cached_property
    def intensity(self) -> Intensity:
        task = self.task
        images = ((id, task.dataset.image(id)) for id in task.split.train)
        return Intensity.of(task.card.input, task.dataset.ndim, images)

    @cached_property
    def target_facts(self) -> dict:
        return read_target(self.task.targets)

    @property
    def key(self) -> str:
        """Of a checkpoint: equal only for a training that goes the very same way."""
        task = self.task
        return training_key(
            card=task.card.digest,
            code=code_digest("dotbench.training.network", task.card.module),
            split=[task.split.train, task.split.validation, task.split.unlabelled],
            dataset=task.dataset.info["digest"],
            targets=self.target_facts,
            seed=task.seed,
            start=task.start and sha256_of(task.start / MODEL_FILE),
            precision=self.compute.precision,
        )

    def fresh_state(self) -> State:
        task = self.task
        ndim = task.dataset.ndim
        torch.manual_seed(task.seed)
        model = self.network.build(self.intensity.channels, ndim)
        if task.start is not None:
            load_start(model, task.start)
        model = model.to(self.compute.device, memory_format=self.compute.memory_format(ndim))
        return State(
            model,
            make_optimizer(task.card.training.optimizer, model, task.card.training.stages[0].lr),
        )

    def stages(self) -> list[Batches]:
        task = self.task
        training = task.card.training
        pool = self._pool(task.split.train, labelled=True)
        unlabelled = None
        if training.unlabelled_batch:
            if not task.split.unlabelled:
                raise Failure(
                    "not_applicable",
                    f"{task.card.id} learns from unlabelled images too, and this split ({task.split.protocol}, "
                    f"N={task.split.n}) leaves none; guo2022 does",
                )
            unlabelled = self._pool(task.split.unlabelled, labelled=False)
        numbers = range(len(training.stages))
        return [
            Batches(pool, unlabelled, training, number, task.seed, self.network.stride) for number in numbers
        ]

    def images(self) -> Iterator[Tensor]:
        """The training images as prediction would show them, without augmentation."""
        task, ndim = self.task, self.task.dataset.ndim
        for id in task.split.train:
            image = task.dataset.image(id)
            whole = (slice(None),) * ndim
            x = torch.from_numpy(self.intensity.apply(image, whole, self.intensity.constants(image, id)))
            x = x[None].movedim(-1, 1).to(self.compute.device, memory_format=self.compute.memory_format(ndim))
            yield padded(x, self.network.stride)

    def watch(self) -> Watch:
        task = self.task
        ids = task.split.validation or task.split.train[:WITHOUT_VALIDATION]
        images = [
            Watched(
                f"{task.trial.dataset}, image {id}",
                task.dataset.image(id),
                task.dataset.roi(id),
                float(np.std(open_target(task.targets, id))),
                len(task.dataset.dots(id)),
            )
            for id in ids
        ]
        peak, validation = self.target_facts["peak"], bool(task.split.validation)
        return Watch(images, validation, task.card, self.network, self.intensity, self.compute, peak)

    def _pool(self, ids: list[str], labelled: bool) -> Pool:
        task = self.task
        # Dot maps are only made for networks whose own loss may ask for them.
        with_dots = labelled and self.network.loss is not None
        targets = task.targets if labelled else None
        sources = open_sources(task.dataset, ids, self.intensity, targets, with_dots)
        return Pool(sources, self.intensity, self.compute)
