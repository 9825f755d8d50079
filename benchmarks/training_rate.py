"""FCRN-A's training rate against the machine's own rate of bfloat16 matrix products, measured in the same run.

    python benchmarks/training_rate.py

The engine's own steps are timed: batch, crops, augmentation, forward, backward, optimiser. Both rates are the best of
short pieces that take turns, so that a noisy neighbour disturbs both alike. Bar: at least 55 %.
"""

from __future__ import annotations

import argparse
import sys
import time
from types import SimpleNamespace

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from dotbench.cards import load_method
from dotbench.inference.device import Compute, choose
from dotbench.inference.intensity import Intensity
from dotbench.networks import load_network
from dotbench.training.batches import Batches
from dotbench.training.loop import Loop, State
from dotbench.training.optimizers import make_optimizer
from dotbench.training.pool import Pool, Source

BAR = 0.55
SIZE = 2048
IMAGES, SIDE = 32, 256
"""as in the VGG cells, N=32"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--method", default="fcrn_a")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int, default=12)
    given = parser.parse_args()
    compute = choose(given.device, threads=given.threads)
    with compute.settings():
        step = training_step(given.method, compute)
        flops = count_flops(step)
        # As much work as a step, so that whoever else uses the machine has the same chance to disturb both.
        products = max(1, round(flops / (2 * SIZE**3)))
        work = matrix_products(compute, products)
        rates = [
            (products * 2 * SIZE**3 / seconds(work, compute), flops / seconds(step, compute))
            for _ in range(given.rounds)
        ]
    machine, training = map(max, zip(*rates, strict=True))
    print(f"device            {compute.device}, {compute.dtype}, {compute.threads} threads")
    print(f"matrix products   {machine / 1e9:8.0f} GFLOP/s")
    print(
        f"training          {training / 1e9:8.0f} GFLOP/s  ({flops / 1e9:.1f} GFLOP a step of {given.method})"
    )
    print(f"ratio             {training / machine:8.2f}  (bar {BAR})")
    return 0 if training >= BAR * machine else 1


def training_step(method: str, compute: Compute):
    card = load_method(method)
    network = load_network(card.module, card.options)
    torch.manual_seed(0)
    model = network.build(1, 2).to(compute.device, memory_format=compute.memory_format(2))
    rng = np.random.default_rng(0)
    constants = np.zeros(1), np.ones(1)
    images = rng.standard_normal((IMAGES, 2, SIDE, SIDE), dtype=np.float32)
    sources = [Source(image, constants, target, None, None) for image, target in images]
    pool = Pool(sources, Intensity(card.input, 2, 1), compute)
    state = State(model, make_optimizer(card.training.optimizer, model, card.training.stages[0].lr))
    state.loss = state.loss.to(compute.device)
    stages = [
        Batches(pool, None, card.training, number, 0, network.stride)
        for number in range(len(card.training.stages))
    ]
    return Loop(state, card.training, network, stages, SimpleNamespace(), compute)._step


def matrix_products(compute: Compute, number: int):
    a, b = (torch.randn(SIZE, SIZE, device=compute.device).to(torch.bfloat16) for _ in range(2))
    return lambda: [a @ b for _ in range(number)]


def count_flops(step) -> int:
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def seconds(work, compute: Compute, at_least: float = 0.5) -> float:
    """Of one piece, the best of as many as fit into the time."""
    best, until = float("inf"), time.monotonic() + at_least
    while time.monotonic() < until:
        start = time.perf_counter()
        work()
        if compute.gpu:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return best


if __name__ == "__main__":
    sys.exit(main())
