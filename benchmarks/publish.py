"""Copies finished cells into results/published: predictions, scores and how they came about, no weights, no maps."""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

from dotbench.files import read_json

KEPT = ("counts.csv", "dots.csv", "run.json", "metrics.json", "per_image.csv", "history.csv", "train.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="the folder that `dotbench run` or snakemake wrote")
    parser.add_argument("--to", type=Path, default=Path("results/published"))
    given = parser.parse_args()
    for metrics in sorted(given.results.rglob("metrics.json")):
        trial = metrics.parent.relative_to(given.results)
        if read_json(metrics)["status"] == "ok":
            (given.to / trial).mkdir(parents=True, exist_ok=True)
            for file in KEPT:
                if (metrics.parent / file).is_file():
                    text = (metrics.parent / file).read_text()
                    # Where it lay on the machine that ran it is nobody else's concern.
                    write(given.to / trial / file, text.replace(str(given.results.resolve()), "results"))
            print(f"published {trial}")


def write(file: Path, text: str) -> None:
    if file.name != "dots.csv":
        file.write_text(text)
    else:
        # Places are nine tenths of everything. No date in it: the same places give the same file.
        file.with_name("dots.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
