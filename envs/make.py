"""Writes the locks and conda environments from pyproject.toml: `make lock`; --check only tells if they agree."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "envs" / "locks"

# The extras of pyproject.toml that each lock holds. `dev` is what `make` installs; it is solved first, and the
# others take its versions, so that a method's environment and the workflow's differ in nothing that they share.
EXTRAS = {
    "dev": ("dev",),
    "base": ("torch",),
    "cellpose": ("cellpose",),
    "cellpose_sam": ("cellpose_sam",),
    "stardist": ("stardist",),
    "micro_sam": ("micro_sam",),
}
# Packages whose version a framework takes away from `dev`, with the reason.
FORCED = {
    "cellpose": {"numpy": "cellpose 3.1 asks for numpy < 2.1"},
}
ENVIRONMENTS = [name for name in EXTRAS if name != "dev"]
PYTHON = "3.11"
# What a lock is for, as in [tool.uv] of pyproject.toml.
PLATFORMS = {"linux": "x86_64", "darwin": "arm64"}
PYTHONS = ("3.11", "3.12")


def lock(name: str) -> Path:
    return LOCKS / f"{name}.txt"


def environment(name: str) -> Path:
    return ROOT / "envs" / f"{name}.yaml"


def pins(file: Path) -> dict[str, str]:
    """Each package of a lock and its line."""
    lines = (line.strip() for line in file.read_text().splitlines())
    return {Requirement(line).name: line for line in lines if line and not line.startswith("#")}


def solve(name: str, upgrade: bool) -> None:
    """Writes one lock, for Python 3.11 and 3.12 at once; pins that still fit stay, unless told to upgrade."""
    constraints = []
    if name != "dev":
        shared = [line for package, line in pins(lock("dev")).items() if package not in FORCED.get(name, {})]
        constraints = ["--constraints", "-"]
    command = ["uv", "pip", "compile", "pyproject.toml", *constraints]
    for extra in EXTRAS[name]:
        command += ["--extra", extra]
    # One version for both Pythons, and nothing in the file that tells where or how it was made.
    command += ["--universal", "--python-version", PYTHON, "--fork-strategy", "fewest", "--no-annotate"]
    command += [
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--no-header",
        "--output-file",
        str(lock(name)),
    ]
    text = "\n".join(shared) if name != "dev" else None
    subprocess.run(command, cwd=ROOT, input=text, text=True, check=True, stdout=subprocess.DEVNULL)
    head = f"# Pinned from pyproject.toml [{', '.join(EXTRAS[name])}] by `make lock`: do not edit."
    lines = filter(None, map(plain, pins(lock(name)).values()))
    lock(name).write_text("\n".join([head, *lines, ""]))


def plain(line: str) -> str | None:
    """A line of uv's with the shortest marker that says the same about PLATFORMS and PYTHONS; None: never needed."""
    requirement = Requirement(line)
    if requirement.marker is None:
        return line
    wanted = {
        (platform, python)
        for platform, machine in PLATFORMS.items()
        for python in PYTHONS
        if requirement.marker.evaluate(
            {
                "implementation_name": "cpython",
                "sys_platform": platform,
                "platform_system": platform.title(),
                "platform_machine": machine,
                "python_version": python,
                "python_full_version": f"{python}.0",
            }
        )
    }
    if not wanted:
        return None
    platforms, pythons = ({place[axis] for place in wanted} for axis in (0, 1))
    if len(wanted) != len(platforms) * len(pythons):
        return line
    marker = [f"sys_platform == '{next(iter(platforms))}'"] if len(platforms) < len(PLATFORMS) else []
    marker += [f"python_version == '{next(iter(pythons))}'"] if len(pythons) < len(PYTHONS) else []
    pin = f"{requirement.name}{requirement.specifier}"
    return f"{pin} ; {' and '.join(marker)}" if marker else pin


def conda(name: str) -> str:
    """The conda environment of a lock, as text.

    Packages come from pip because its torch carries CUDA on every Linux: conda, asked on a login node without a GPU,
    would choose the build without.
    """
    content = {
        "name": f"dotbench-{name}",
        "channels": ["conda-forge", "nodefaults"],
        "dependencies": [f"python={PYTHON}", "pip", {"pip": list(pins(lock(name)).values())}],
    }
    head = f"# Made from envs/locks/{name}.txt by `make lock`: do not edit.\n"
    return head + yaml.safe_dump(content, sort_keys=False, width=1000)


def drifted() -> list[Path]:
    """The conda environments that their lock does not explain."""
    files = [environment(name) for name in ENVIRONMENTS]
    return [file for file in files if not file.exists() or file.read_text() != conda(file.stem)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if a conda environment drifted"
    )
    parser.add_argument("--fix", action="store_true", help="write the conda environments, leave the locks")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    options = parser.parse_args(arguments)
    if not options.check:
        LOCKS.mkdir(exist_ok=True)
        for name in EXTRAS if not options.fix else ():
            print(f"solving {name}", flush=True)
            solve(name, options.upgrade)
        for name in ENVIRONMENTS:
            environment(name).write_text(conda(name))
    for file in drifted():
        print(f"{file.relative_to(ROOT)} does not agree with its lock; next: make lock", file=sys.stderr)
    return 1 if drifted() else 0


if __name__ == "__main__":
    sys.exit(main())
