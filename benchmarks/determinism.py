"""Runs the demo twice in one folder, emptied in between, and compares predictions and tables byte for byte."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPARED = ("**/counts.csv", "**/dots.csv", "**/metrics.json", "tables/*.csv", "tables/*.md", "tables/*.tex")
# What a run cost is not what it found.
COST = "cost"


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first, second = run(Path(folder)), run(Path(folder))
    names = sorted(first | second)
    different = [name for name in names if first.get(name) != second.get(name)]
    for name in different:
        print(f"different: {name}")
    print(f"{len(names) - len(different)} of {len(names)} files are equal")
    return 1 if different or not names else 0


def run(folder: Path) -> dict[Path, object]:
    """The content of every file to compare; the folder is empty again afterwards."""
    results, resources = folder / "results", folder / "resources"
    paths = json.dumps({"results": str(results), "resources": str(resources)})
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "rules"]
    command += ["--configfile", "config/demo.yaml", "--config", f"pathvars={paths}", "--nolock"]
    subprocess.run(command, cwd=ROOT, check=True)
    files = {path for pattern in COMPARED for path in results.glob(pattern) if path.stem != COST}
    found = {path.relative_to(results): content(path) for path in files}
    shutil.rmtree(results)
    shutil.rmtree(resources)
    return found


def content(path: Path) -> object:
    if path.suffix != ".json":
        return path.read_bytes()
    return {key: value for key, value in json.loads(path.read_text()).items() if key != COST}


if __name__ == "__main__":
    raise SystemExit(main())
