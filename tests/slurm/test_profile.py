"""The profile: each line explained, and what its commented lines would make of a job. Needs no SLURM."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROFILE = Path(__file__).resolve().parents[2] / "slurm" / "profile.yaml"
# A line that says `# key: value` and not a sentence.
COMMENTED = re.compile(r"^(\s*)# ((?:  )*[a-z][a-z_-]+:(?: [^ ].*)?)$")

# Stand-ins for a site's SLURM, which notes what is submitted.
PROGRAMS = {
    "sbatch": 'echo "$@" >> "$NOTES"; exit 1',
    "sinfo": 'echo "PARTITION normal*"',
    "sacct": "true",
    "sacctmgr": "echo my_account",
    "scontrol": "echo MinJobAge = 300 sec",
    "squeue": "true",
}
SNAKEFILE = """
rule train:
    output: "{method}.out"
    threads: 3
    resources: gpu=1, mem_mb=3000, runtime=90
    shell: "touch {output}"
"""


def uncommented(text: str) -> list[str]:
    return [found[1] + found[2] for line in text.splitlines() if (found := COMMENTED.match(line))]


@pytest.fixture
def sbatch(tmp_path: Path):
    """What sbatch is asked for a GPU job of the method fcrn_a, with the profile and more."""

    def submit(more: dict, files: dict[str, str] | None = None) -> str:
        profile = yaml.safe_load(PROFILE.read_text())
        for key, value in more.items():
            profile[key] = {**profile[key], **value} if isinstance(profile.get(key), dict) else value
        profile |= {"slurm-init-seconds-before-status-checks": 1, "retries": 0}
        folder = tmp_path / "slurm"
        folder.mkdir(exist_ok=True)
        (folder / "profile.yaml").write_text(yaml.safe_dump(profile))
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        (tmp_path / "Snakefile").write_text(SNAKEFILE)
        programs = tmp_path / "bin"
        programs.mkdir(exist_ok=True)
        for name, text in PROGRAMS.items():
            (programs / name).write_text(f"#!/bin/sh\n{text}\n")
            (programs / name).chmod(0o755)
        notes = tmp_path / "notes"
        notes.unlink(missing_ok=True)
        path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["snakemake", "--profile", "slurm", "fcrn_a.out"],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "NOTES": str(notes)},
            capture_output=True,
            text=True,
        )
        assert notes.exists(), done.stderr
        return notes.read_text().partition("--wrap")[0]

    return submit


def test_every_key_is_explained():
    lines = PROFILE.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"[a-z]", line):
            assert lines[number - 1].startswith("# "), f"line {number + 1}: {line}"


def test_every_key_that_could_be_used_exists():
    from snakemake.cli import get_argument_parser

    known = {option for action in get_argument_parser()._actions for option in action.option_strings}
    text = PROFILE.read_text()
    used = [line for line in text.splitlines() if re.match(r"[a-z]", line)] + uncommented(text)
    keys = {line.partition(":")[0] for line in used if re.match(r"[a-z]", line)} - {"partitions"}
    assert len(keys) > 20
    assert {f"--{key}" for key in keys} <= known


def test_what_a_job_asks_for(sbatch):
    asked = sbatch({})
    for part in ("-t 90", "--mem 3000", "--cpus-per-task=3", "--gpus=1", "-p normal", "--job-name dotbench_"):
        assert part in asked


def test_the_commented_lines_do_what_they_say(sbatch):
    text = PROFILE.read_text()
    examples = dict(line.strip().split(": ", 1) for line in uncommented(text) if ": " in line)
    example = {key: yaml.safe_load(value) for key, value in examples.items()}
    asked = sbatch({"set-resources": {"train": {"gpu_model": example["gpu_model"]}}})
    assert "--gpus=a100:1" in asked
    # Independent of each other, so in one submission.
    train = {key: example[key] for key in ("constraint", "gres")} | {"gpu": 0, "slurm_partition": "gpu"}
    asked = sbatch(
        {
            "set-resources": {"train": train},
            "default-resources": {key: example[key] for key in ("slurm_account", "slurm_extra")},
            "slurm-qos": example["slurm-qos"],
            "slurm-exclude-failed-nodes": example["slurm-exclude-failed-nodes"],
        }
    )
    for part in (
        "-C a100-sxm4-80gb",
        "--gres=gpu:1",
        "-p gpu",
        "-A my_account",
        "--mail-type=FAIL",
        "--qos=normal",
    ):
        assert part in asked
    assert "--gpus" not in asked
    assert re.search("--exclude=node(17|23),node(17|23)", asked)


def test_a_file_of_partitions_sends_gpu_jobs_to_gpus(sbatch):
    block = re.search(r"#   partitions:\n(?:#     .*\n)+", PROFILE.read_text())[0]
    partitions = block.replace("#   ", "")
    assert "-p gpu" in sbatch(
        {"slurm-partition-config": "partitions.yaml"}, files={"partitions.yaml": partitions}
    )
