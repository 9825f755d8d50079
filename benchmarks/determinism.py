"""Runs the demo twice in folders of their own and compares predictions and tables byte for byte."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPARED = ("**/counts.csv", "**/dots.csv", "**/metrics.json", "tables/*.csv", "tables/*.md", "tables/*.tex")
# What a run cost is not what it found.
NOT_COMPARED = ("cost",)


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first, second = (run(Path(folder, name)) for name in ("first", "second"))
        names = sorted({path.relative_to(first) for pattern in COMPARED for path in first.glob(pattern)})
        different = [name for name in names if content(first / name) != content(second / name)]
    for name in different:
        print(f"different: {name}")
    print(f"{len(names) - len(different)} of {len(names)} files are equal")
    return 1 if different or not names else 0


def run(folder: Path) -> Path:
    results = folder / "results"
    paths = json.dumps({"results": str(results), "resources": str(folder / "resources")})
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "rules"]
    command += ["--configfile", "config/demo.yaml", "--config", f"pathvars={paths}", "--nolock"]
    subprocess.run(command, cwd=ROOT, check=True)
    return results


def content(path: Path) -> object:
    if path.suffix != ".json":
        return path.read_bytes()
    found = json.loads(path.read_text())
    return {key: value for key, value in found.items() if key not in NOT_COMPARED}


if __name__ == "__main__":
    raise SystemExit(main())
