"""How like the simulator's `vgg_like` images are to the real VGG cells: numbers, and a figure.

python benchmarks/vgg_likeness.py --mirror ../shared/datasets --out vgg_likeness.png

The real set's own halves against each other are the yardstick: nothing can be told to be closer than they are.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from dotbench.cards import load_dataset
from dotbench.data.readers import sim2d, vgg
from dotbench.report.likeness import Likeness, Looks, figure_likeness


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirror", type=Path, required=True, help="folder that holds countception/trials/")
    parser.add_argument("--out", type=Path, required=True, help="the figure: .png, .svg or .pdf")
    given = parser.parse_args()

    real = images_and_dots(vgg.read(given.mirror / "countception", load_dataset("vgg")))
    started = time.perf_counter()
    simulated = images_and_dots(sim2d.read(given.mirror, load_dataset("sim2d")))
    seconds = (time.perf_counter() - started) / len(simulated[0])

    every_other = [Looks.of(*(part[first::2] for part in real)) for first in (0, 1)]
    first_last = [Looks.of(*(part[half] for part in real)) for half in (slice(None, 100), slice(100, None))]
    print(f"simulated - real       {figure_likeness(simulated, real, given.out)}")
    print(f"real, odd - even       {Likeness.between(*every_other)}")
    print(f"real, first - last 100 {Likeness.between(*first_last)}")
    for name, (images, dots) in (("real", real), ("simulated", simulated)):
        counts = Looks.of(images, dots).counts
        print(
            f"{name}: {counts.mean():.1f} ± {counts.std(ddof=1):.1f} dots, {counts.min()} to {counts.max()}"
        )
    print(f"{seconds:.3f} s an image; figure in {given.out}")


def images_and_dots(loaders) -> tuple[list, list]:
    records = [load() for load in loaders]
    return [record.image for record in records], [record.dots for record in records]


if __name__ == "__main__":
    main()
