"""
Before a run it looks at the configuration, the options of every method, downloads, disk, GPU and SLURM; after a run
also at every trial. Nothing is changed.

examples:
  dotbench check                                        config/config.yaml
  dotbench check --configfile config/demo.yaml --strict   also fails if any trial lacks its result
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dotbench.cards.load import Problems, options_of
from dotbench.commands.common import add_configfile, plan_from
from dotbench.errors import UserError, in_words
from dotbench.outcomes import Outcome, outcomes
from dotbench.plan import Plan

GIB = 2**30
# Raw files, the canonical form and float targets of all public datasets, with room for results.
NEEDED_GIB = 10


@dataclass(frozen=True)
class Finding:
    mark: str  # ok, note, FAIL
    about: str
    says: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strict",
        action="store_true",
        help="fail (exit code 1) if any configured trial that can have a result has none",
    )
    add_configfile(parser)


def run(given: argparse.Namespace) -> int:
    plan = plan_from(given)
    findings = [Finding("ok", "configuration", f"{len(plan.trials)} trials of {len(plan.methods)} methods")]
    for look in (_options, _downloads, _disk, _gpu, _slurm):
        findings += look(plan)
    trials = outcomes(plan)
    counts = Counter(trial.status for trial in trials)
    # A network for images has nothing to say about volumes; that is no failure.
    failing = [trial for trial in trials if trial.status not in {"ok", "not_applicable"}]
    findings.append(
        Finding(
            "ok" if not failing else "FAIL" if given.strict else "note",
            "trials",
            ", ".join(f"{number} {status}" for status, number in sorted(counts.items())) or "none configured",
        )
    )
    for finding in findings:
        print(f"{finding.mark:<5}{finding.about:<15}{finding.says}")
    for trial in _worst(failing) if given.strict else ():
        print(f"     {trial.trial}: {trial.status}: {trial.reason}")
    return 1 if any(finding.mark == "FAIL" for finding in findings) else 0


def _worst(trials: list[Outcome], shown: int = 20) -> list[Outcome]:
    """Trials that failed before trials that were not run, and not a screen full of either."""
    return sorted(trials, key=lambda trial: (trial.status == "not_run", trial.trial))[:shown]


def _options(plan: Plan) -> Iterator[Finding]:
    problems = []
    methods = [card for card in plan.methods.values() if card.kind != "rule"]
    cards = [(variant, card.module) for card in methods for variant in card.variants]
    cards += [(card, card.module) for card in plan.datasets.values()]
    for card, name in cards:
        try:
            module = importlib.import_module(name)
            if hasattr(module, "Options"):
                options_of(card, module.Options)
        except Problems as found:
            problems += found.problems
        except Exception as problem:
            # Of a contributor's file: anything.
            problems.append(UserError(in_words(problem), where=name))
    yield from (Finding("FAIL", "options", str(problem)) for problem in Problems(problems).problems)
    if not problems:
        yield Finding(
            "ok",
            "options",
            f"of {len(plan.methods)} methods and {len(plan.datasets)} datasets are understood",
        )


def _downloads(plan: Plan) -> Iterator[Finding]:
    used = sorted({trial.dataset for trial in plan.trials})
    missing = [id for id in used if not (plan.layout.raw(id) / "fetched.json").is_file()]
    if missing:
        yield Finding(
            "note",
            "downloads",
            f"not here yet: {', '.join(missing)}; next, with the same --configfile: snakemake fetch_all --cores 1",
        )
    else:
        yield Finding("ok", "downloads", f"{len(used)} datasets are here")
    for mirror in plan.config.mirrors:
        if "://" not in mirror and not Path(mirror).is_dir():
            yield Finding("FAIL", "mirror", f"no such folder: {mirror}")


def _disk(plan: Plan) -> Iterator[Finding]:
    for name, folder in plan.config.pathvars.model_dump().items():
        existing = next(
            parent
            for parent in (Path(folder).absolute(), *Path(folder).absolute().parents)
            if parent.exists()
        )
        free = shutil.disk_usage(existing).free / GIB
        mark = "ok" if free > NEEDED_GIB else "note"
        yield Finding(
            mark, "disk", f"{free:.0f} GiB free for {name} in {folder}; {NEEDED_GIB} GiB is comfortable"
        )


def _gpu(plan: Plan) -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        yield Finding("ok", "GPU", f"{name}, CUDA {torch.version.cuda}, torch {torch.__version__}")
    elif plan.config.device == "cuda":
        yield Finding(
            "FAIL", "GPU", "the configuration says device: cuda, and torch sees no GPU; see nvidia-smi"
        )
    else:
        yield Finding(
            "note", "GPU", "none seen here: networks train on the CPU, or on the nodes of a cluster"
        )


def _slurm(plan: Plan) -> Iterator[Finding]:
    if shutil.which("sinfo") is None:
        yield Finding("note", "SLURM", "not on this machine: use snakemake --cores all")
        return
    answer = subprocess.run(
        ["sinfo", "--noheader", "--format=%P %a %l %G"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if answer.returncode:
        yield Finding("note", "SLURM", f"sinfo does not answer: {' '.join(answer.stderr.split())}")
        return
    partitions = [line.split() for line in answer.stdout.splitlines()]
    yield Finding(
        "ok", "SLURM", "partitions: " + ", ".join(f"{name} ({state})" for name, state, *_ in partitions)
    )
    wants = any(card.needs.gpu for card in plan.methods.values())
    if wants and not any("gpu" in gres for *_, gres in partitions):
        yield Finding("note", "SLURM", "no partition offers a GPU, and some methods ask for one")
