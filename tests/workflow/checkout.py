"""A copy of the project to try things in, and the commands that its documents tell a reader to type."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Seconds. Nothing in a document may take longer, on a machine that has other work, too: what does needs a stand-in.
LIMIT = 600
SHOWN = 4000
"""characters of a command's output, from its end, in the report of a failure: a plan has millions"""


@dataclass(frozen=True)
class Checkout:
    """All files that are or could be committed, committed, in a folder of their own."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Checkout:
        names = _git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
        for name in filter(None, names):
            if (ROOT / name).is_file():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
        _git(folder, "init", "--quiet")
        _git(folder, "add", "--all")
        _git(folder, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--message=copy")
        # Not the installed `dotbench`: that one runs the code of the project that is tested, not of its copy.
        (folder / ".venv" / "bin").mkdir(parents=True)
        command = folder / ".venv" / "bin" / "dotbench"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dotbench "$@"\n')
        command.chmod(0o755)
        return cls(folder)

    def run(self, commands: str, limit: int = LIMIT) -> str:
        """Runs lines of bash as a reader would, with the environment active; gives what they print."""
        tools = (self.folder / ".venv" / "bin", Path(sys.executable).parent)
        environment = os.environ | {
            "PATH": os.pathsep.join([*map(str, tools), os.environ["PATH"]]),
            "PYTHONPATH": str(self.folder / "src"),
            "OMP_NUM_THREADS": "1",
        }
        try:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", commands],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            printed = (late.stdout or b"").decode(errors="replace")
            raise AssertionError(f"not done in {limit} s:\n{commands}\n---\n{printed[-SHOWN:]}") from None
        assert done.returncode == 0, f"exit code {done.returncode}:\n{commands}\n---\n{done.stdout[-SHOWN:]}"
        return done.stdout

    def changed(self) -> list[str]:
        """What differs from the project, as `git status` lists it."""
        return _git(self.folder, "status", "--porcelain", "--untracked-files=all").splitlines()


@dataclass(frozen=True)
class Block:
    """A fenced piece of a document."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(document: Path) -> list[Block]:
    text = document.read_text()
    fences = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [
        Block(str(document.relative_to(ROOT)), text.count("\n", 0, found.start()) + 1, found[1], found[2])
        for found in fences
    ]


def without_comment(line: str) -> str:
    return re.sub(r"\s+#\s.*$", "", line).strip()


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout
