"""What planning costs: seconds and memory of a dry run of 10,000 trials. Bars: 60 s, 1 GB."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    given = parser.parse_args()

    methods = ["fcrn_a", "otsu_components", "mean", "perfect", "random_points"]
    draws = given.trials // (10 * len(methods))
    runs = [{"dataset": "vgg", "protocol": "xie2015", "n": list(range(8, 18)), "draws": draws}]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.json")
        paths = {"results": f"{folder}/results", "resources": f"{folder}/resources"}
        config.write_text(json.dumps({"papers": [], "methods": methods, "runs": runs, "pathvars": paths}))
        command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "all", "--configfile", str(config)]
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
    # Linux counts in KiB.
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"{draws * 10 * len(methods)} trials: {seconds:.1f} s (bar 60), {memory:.2f} GiB (bar 1 GB)")


if __name__ == "__main__":
    main()
