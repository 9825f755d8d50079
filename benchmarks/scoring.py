"""What a scoring job adds to its own work, in seconds: start of Python, imports, files. Bar: 4 s."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dotbench.plan import read_plan
from dotbench.steps import score

ROOT = Path(__file__).resolve().parents[1]
TRIALS = 10


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.json")
        paths = {"results": f"{folder}/results", "resources": f"{folder}/resources"}
        runs = [{"dataset": "sim2d", "protocol": "random", "n": [8], "draws": TRIALS, "methods": ["mean"]}]
        demo = str(ROOT / "config" / "demo.yaml")
        config.write_text(json.dumps({"methods": ["mean"], "runs": runs, "pathvars": paths}))
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all"]
        command += ["--configfile", demo, str(config), "--nolock", "trials"]
        subprocess.run(command, cwd=ROOT, check=True)
        plan = read_plan(ROOT / "config" / "config.yaml", Path(demo), config)
        start = time.perf_counter()
        for trial in plan.trials:
            score(plan, trial)
        own = (time.perf_counter() - start) / TRIALS
        one, all = (seconds(command, plan, number) for number in (1, TRIALS))
    added = (all - one) / (TRIALS - 1) - own
    print(f"a scoring job works {own:.2f} s and adds {added:.2f} s (bar 4 s)")


def seconds(command: list[str], plan, number: int) -> float:
    """Of a run in which so many cells lack their score."""
    for trial in plan.trials[:number]:
        (plan.layout.trial(trial) / "metrics.json").unlink()
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
