"""Runs many cells from their cards, some at a time, without Snakemake: on a borrowed machine, or one large GPU.

    python benchmarks/campaign.py --configfile mine.yaml --workers 4 --minutes 9 --pack trials.tar.gz 'vgg/xie2015/*/fcrn_a@ours'

Trials are begun in the order given, each in a process of its own with its share of the cores. What is finished stays,
what time cuts off goes on at the next call. The pack holds what `publish.py` would publish.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from publish import KEPT

from dotbench.commands.common import add_configfile, plan_from
from dotbench.commands.run import matching
from dotbench.contract.trial import Trial
from dotbench.errors import UserError
from dotbench.plan import Plan
from dotbench.steps import provide

# Seconds that a training may take to save what it has.
PATIENCE = 60


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trials", nargs="+", metavar="TRIAL", help="trials, or patterns of trials")
    parser.add_argument("--workers", type=int, default=1, help="trials at a time (default: %(default)s)")
    parser.add_argument("--minutes", type=float, help="then trainings save and stop (default: never)")
    parser.add_argument("--pack", type=Path, metavar="FILE", help="a .tar.gz of all finished trials")
    add_configfile(parser)
    given = parser.parse_args()
    try:
        plan = plan_from(given)
        # In the order given, each once.
        trials = list(dict.fromkeys(trial for pattern in given.trials for trial in matching(plan, pattern)))
        for dataset in sorted({trial.dataset for trial in trials}):
            provide(plan, dataset)
    except UserError as problem:
        print(problem, file=sys.stderr)
        return 2
    deadline = time.monotonic() + given.minutes * 60 if given.minutes else float("inf")
    with tempfile.TemporaryDirectory() as folder:
        shared = Path(folder, "threads.json")
        threads = max(1, len(os.sched_getaffinity(0)) // given.workers)
        share = {"needs": {"threads": threads}}
        methods = {
            # What a card says of volumes goes before the rest of it.
            trial.method: {**share, "volumes": share} if plan.methods[trial.method].volumes else share
            for trial in trials
        }
        shared.write_text(json.dumps({"overrides": {"methods": methods}}))
        run_all(plan, trials, [*(given.configfile or ()), shared], given.workers, deadline)
    finished = [trial for trial in trials if (plan.layout.trial(trial) / "metrics.json").is_file()]
    print(f"{len(finished)} of {len(trials)} trials are finished")
    if given.pack:
        pack(plan, finished, given.pack)
    return 0 if len(finished) == len(trials) else 1


def run_all(plan: Plan, trials: list[Trial], configfiles: list[Path], workers: int, deadline: float) -> None:
    options = [part for file in configfiles for part in ("--configfile", str(file))]
    waiting, running, start, ended = list(trials), {}, time.monotonic(), 0
    try:
        while waiting or running:
            while waiting and len(running) < workers and time.monotonic() < deadline:
                trial = waiting.pop(0)
                command = [sys.executable, "-m", "dotbench", "run", *options, str(trial)]
                log = plan.layout.log("run", trial)
                log.parent.mkdir(parents=True, exist_ok=True)
                with log.open("w") as told:
                    running[trial] = subprocess.Popen(command, stderr=told, start_new_session=True)
            time.sleep(0.5)
            for trial in [trial for trial, process in running.items() if process.poll() is not None]:
                if running.pop(trial).returncode:
                    print(f"{trial}: no result, see {plan.layout.log('run', trial)}", flush=True)
                ended += 1
                passed = time.monotonic() - start
                left = passed / ended * (len(trials) - ended)
                print(
                    f"{ended} of {len(trials)}, {passed / 60:.0f} min, about {left / 60:.0f} left", flush=True
                )
            if time.monotonic() > deadline:
                break
    finally:
        for process in running.values():
            os.killpg(process.pid, signal.SIGINT)
        for process in running.values():
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def pack(plan: Plan, trials: list[Trial], file: Path) -> None:
    with tarfile.open(file, "w:gz") as archive:
        for trial in trials:
            for name in KEPT:
                path = plan.layout.trial(trial) / name
                if path.is_file():
                    archive.add(path, f"{trial}/{name}")
    print(f"packed: {file} ({file.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    raise SystemExit(main())
