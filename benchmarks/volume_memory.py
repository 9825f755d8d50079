"""Memory that counting a large volume takes beside the volume itself: 512 x 1024 x 1024 voxels (bar: 2 GiB).

    python benchmarks/volume_memory.py [--shape 512 1024 1024] [--widths 4 4 4 8] [--threads 1]

An untrained FCRN-A in 3D predicts the volume in tiles and its maxima are found, as `dotbench count` does. The volume
and the map lie in files and are mapped: the system takes such pages back when it needs them, so that what counts is
the memory that it cannot take back. The peak that includes them is told too.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from dotbench.cards import load_method
from dotbench.cards.method import Detect
from dotbench.data.dataset import Sample
from dotbench.inference.device import choose
from dotbench.inference.intensity import Intensity
from dotbench.networks import load_network
from dotbench.predict import network

BAR = 2.0
GIB = 2**30
STATUS = Path("/proc/self/status")


class Peak(threading.Thread):
    """The highest anonymous memory of this process, looked at every few milliseconds."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes, self.wanted = 0, True

    def run(self) -> None:
        while self.wanted:
            self.bytes = max(self.bytes, memory("RssAnon"))
            time.sleep(0.005)


def memory(name: str) -> int:
    return 1024 * int(re.search(rf"{name}:\s+(\d+)", STATUS.read_text())[1])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 1024, 1024))
    parser.add_argument("--widths", type=int, nargs=4, default=(4, 4, 4, 8), help="three, and the bottleneck")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    # Whatever size is asked for takes the way of large volumes.
    network.LARGE = 0
    with tempfile.TemporaryDirectory() as folder:
        volume = made_volume(Path(folder, "volume.npy"), tuple(given.shape))
        counter = untrained(given.widths, given.threads)
        peak, start = Peak(), time.monotonic()
        peak.start()
        found = counter.predict(Sample("volume", volume, None))
        peak.wanted = False
        peak.join()
    print(f"volume            {' x '.join(map(str, volume.shape))}, {volume.nbytes / GIB:.2f} GiB")
    print(
        f"seconds           {time.monotonic() - start:.0f}, {given.threads} threads, {len(found.dots)} maxima"
    )
    print(
        f"memory            {peak.bytes / GIB:.2f} GiB (bar {BAR}); with mapped files {memory('VmHWM') / GIB:.2f} GiB"
    )
    return 0 if peak.bytes <= BAR * GIB else 1


def made_volume(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Noise, written slice by slice."""
    volume = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint16, shape=shape)
    rng = np.random.default_rng(0)
    for z in range(shape[0]):
        volume[z] = rng.integers(100, 200, shape[1:], np.uint16)
    volume.flush()
    del volume
    return np.load(file, mmap_mode="r")


def untrained(widths: list[int], threads: int) -> network.Trained:
    card = load_method("fcrn_a_3d")
    net = load_network(card.module, {"widths": widths[:3], "bottleneck": widths[3]})
    compute = choose("cpu", threads=threads)
    model = net.build(1, 3).eval().to(memory_format=compute.memory_format(3))
    intensity = Intensity(card.input.model_copy(update={"normalise": "image"}), 3, 1)
    # A height that few maxima of an untrained network reach.
    return network.Trained(card, net, model, intensity, compute, 1.0, Detect(min_distance=3, threshold=2.0))


if __name__ == "__main__":
    sys.exit(main())
