"""Seconds and peak memory for the dots of a 512^3 instance mask with 10,000 labels (bars: 15 s, 2.5 x mask).

python benchmarks/masks_to_dots.py [--side 512] [--labels 10000]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time

import numpy as np

from dotbench.data.dots import masks_to_dots

SECONDS, MEMORY = 15, 2.5
# Share of a cell's cube that its ball may fill: apart, and touching everywhere.
CASES = {"apart": 0.85, "touching": 1.3}


def volume(side: int, count: int, fill: float, seed: int = 0) -> np.ndarray:
    """Balls at jittered places, with ids that have gaps; later balls cut earlier ones."""
    rng = np.random.default_rng(seed)
    each = int(np.ceil(count ** (1 / 3) - 1e-9))
    step = side / each
    places = np.stack(np.unravel_index(np.arange(count), (each,) * 3), axis=1) + 0.5
    places = (places + rng.uniform(-0.1, 0.1, places.shape)) * step
    radius = fill * step / 2
    mask = np.zeros((side,) * 3, np.uint16)
    for place, label in zip(places, rng.permutation(65535)[:count] + 1, strict=True):
        low = np.maximum(np.floor(place - radius).astype(int), 0)
        high = np.minimum(np.ceil(place + radius).astype(int) + 1, side)
        axes = np.ogrid[tuple(slice(*ends) for ends in zip(low, high, strict=True))]
        distance = sum((axis - centre) ** 2 for axis, centre in zip(axes, place, strict=True))
        mask[tuple(slice(*ends) for ends in zip(low, high, strict=True))][distance <= radius**2] = label
    return mask


def measure(side: int, count: int, case: str) -> dict[str, object]:
    mask = volume(side, count, CASES[case])
    start = time.perf_counter()
    dots, _, report = masks_to_dots(mask)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "case": case,
        "filled": round(float(np.count_nonzero(mask)) / mask.size, 3),
        "labels": len(dots),
        "split": len(report["split"]),
        "moved": len(report["moved"]),
        "seconds": round(seconds, 2),
        "peak_over_mask": round(peak / mask.nbytes, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--labels", type=int, default=10_000)
    options = parser.parse_args()
    results = []
    for case in CASES:
        # A process for each case: the peak of a process never falls again.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            results.append(pool.apply(measure, (options.side, options.labels, case)))
        print(json.dumps(results[-1]), flush=True)
    slow = any(result["seconds"] > SECONDS or result["peak_over_mask"] > MEMORY for result in results)
    print("missed" if slow else "met", f"the bar of {SECONDS} s and {MEMORY} x the mask's own memory")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
