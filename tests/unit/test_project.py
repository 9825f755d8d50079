"""What holds the project's own files together: pins, environments, versions, declared packages, nothing of one machine."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dotbench

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _envs_make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("envs_make", ROOT / "envs" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = _envs_make()


def requirements(*extras: str) -> Iterator[Requirement]:
    """What pyproject.toml asks for with these extras, the project's own extras resolved."""
    texts = [*PROJECT["dependencies"]] if not extras else []
    for extra in extras:
        texts += PROJECT["optional-dependencies"][extra]
    for text in texts:
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            yield from requirements(*requirement.extras)
        else:
            yield requirement


def pinned(name: str) -> dict[str, str]:
    lines = make.pins(make.lock(name)).values()
    return {canonicalize_name(Requirement(line).name): str(Requirement(line).specifier)[2:] for line in lines}


# --- pins and environments


def test_conda_environments_agree_with_their_locks():
    assert not make.drifted(), "next: python envs/make.py --fix"


def test_every_conda_environment_has_a_lock():
    assert {path.stem for path in (ROOT / "envs").glob("*.yaml")} == set(make.ENVIRONMENTS)
    assert {path.stem for path in make.LOCKS.glob("*.txt")} == set(make.EXTRAS)


@pytest.mark.parametrize("name", make.EXTRAS)
def test_lock_satisfies_pyproject(name: str):
    pins = pinned(name)
    for requirement in [*requirements(), *requirements(*make.EXTRAS[name])]:
        package = canonicalize_name(requirement.name)
        assert package in pins, f"{package} is not in the lock; next: make lock"
        assert pins[package] in requirement.specifier, f"{package}=={pins[package]}; next: make lock"


@pytest.mark.parametrize("name", make.EXTRAS)
def test_lock_pins_exactly_and_says_nothing_else(name: str):
    head, *lines = make.lock(name).read_text().splitlines()
    assert head.startswith("# ")
    for line in lines:
        assert re.fullmatch(r"[a-z0-9._-]+==[\w.]+( ; [\w ='.]+)?", line), line


@pytest.mark.parametrize("name", make.ENVIRONMENTS)
def test_shared_packages_have_one_version_everywhere(name: str):
    everyday, pins = pinned("dev"), pinned(name)
    differing = {package for package in pins if package in everyday and pins[package] != everyday[package]}
    # Both ways: what differs has a reason, and a reason that no longer holds goes.
    assert differing == set(make.FORCED.get(name, {}))


@pytest.mark.parametrize("name", make.ENVIRONMENTS)
def test_conda_environment_is_complete(name: str):
    environment = yaml.safe_load(make.environment(name).read_text())
    python, pip, packages = environment["dependencies"]
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert pip == "pip"
    assert python.removeprefix("python=") in make.PYTHONS
    assert {canonicalize_name(Requirement(line).name) for line in packages["pip"]} == set(pinned(name))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("numpy==2.4.6", "numpy==2.4.6"),
        ("torch==2.15.0 ; python_full_version < '3.13'", "torch==2.15.0"),
        (
            "triton==3.9.0 ; sys_platform == 'linux' and platform_machine == 'x86_64'",
            "triton==3.9.0 ; sys_platform == 'linux'",
        ),
        ("zipp==4.1.2 ; python_full_version < '3.12'", "zipp==4.1.2 ; python_version == '3.11'"),
        ("cffi==2.1.1 ; implementation_name == 'pypy'", None),
    ],
)
def test_markers_are_shortened_without_changing_them(line: str, expected: str | None):
    assert make.plain(line) == expected


# --- versions


def test_one_version_everywhere():
    version = dotbench.__version__
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    latest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert latest[1] in (version, "Unreleased")


def test_ci_runs_what_the_readme_says():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    for command in ("make demo", "make test"):
        assert f"\n{command}" in (ROOT / "README.md").read_text()


# --- packages


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def providers() -> dict[str, set[str]]:
    """Each importable name and the packages that bring it."""
    return {
        name: set(map(canonicalize_name, packages)) for name, packages in packages_distributions().items()
    }


def imports(path: Path) -> Iterator[str]:
    """The packages that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def test_library_imports_only_what_pyproject_declares():
    # The frameworks of outside tools are imported by scripts that run in those tools' environments.
    declared = {canonicalize_name(found.name) for found in (*requirements(), *requirements("torch"))}
    undeclared = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in python_files("src")
        for name in imports(path)
        if name not in sys.stdlib_module_names
        and name != "dotbench"
        and not declared & providers().get(name, set())
    }
    assert not undeclared, "add them to pyproject.toml, then: make lock"


def test_every_declared_package_is_used():
    used = {name for path in python_files("src") for name in imports(path)}
    provided = set().union(*(providers().get(name, set()) for name in used))
    # tifffile needs imagecodecs for compressed files and does not import it before it meets one.
    unused = {canonicalize_name(found.name) for found in requirements()} - provided - {"imagecodecs"}
    assert not unused, "remove them from pyproject.toml, then: make lock"


# --- nothing of one machine

# Spelled so that this file does not match itself.
FORBIDDEN = {
    "a package registry's address": r"https?://[^\s\"'>)]*(?:py[p]i\.|pythonhost[e]d|npm[j]s|deb[.]debian|/simple/)",
    "an option that names a registry": r"--(?:extra-)?index[-]url[ =]\S|--find[-]links[ =]\S",
    "a path of one machine": r"(?<![\w.~/$}-])/(?:wor[k]|roo[t]|User[s]|home/\w+|opt/pyp[i])/",
}


def project_files() -> list[Path]:
    """Everything that is, or could be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_no_file_knows_one_machine():
    patterns = {what: re.compile(pattern) for what, pattern in FORBIDDEN.items()}
    found = []
    for path in project_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for what, pattern in patterns.items():
            match = pattern.search(text)
            if match:
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path.relative_to(ROOT)}:{line}: {what}: {match[0]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "-i https://py" + "pi.org/simple/",
        "--index" + "-url https://mirror.example/x",
        "tensors = load('/wor" + "k/shared/x')",
        "path: /home/" + "me/data",
    ],
)
def test_forbidden_patterns_find_what_they_are_for(line: str):
    assert any(re.search(pattern, line) for pattern in FORBIDDEN.values())


def test_the_page_of_results_says_what_is_published():
    page = runpy.run_path(str(ROOT / "benchmarks" / "results_page.py"))["page"]()
    assert (ROOT / "docs" / "results.md").read_text() == page, (
        "python benchmarks/results_page.py makes it anew"
    )
