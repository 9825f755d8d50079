"""A digest of the library code that a result depends on, so that editing a network reruns that network alone."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


@cache
def code_digest(*modules: str) -> str:
    """Changes when the code of one of these dotbench modules, or of one that they import, changes.

    Comments, docstrings and layout do not count: no one should wait for a training because of a typo in a comment.
    """
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += _imports(module)
    return hashlib.sha256("".join(_fingerprint(module) for module in sorted(seen)).encode()).hexdigest()[:16]


def _file(module: str) -> Path | None:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


@cache
def _tree(module: str) -> ast.Module:
    file = _file(module)
    return ast.parse(file.read_text()) if file else ast.Module([], [])


@cache
def _imports(module: str) -> tuple[str, ...]:
    found = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return tuple(name for name in found if name.split(".")[0] == "dotbench" and _file(name))


@cache
def _fingerprint(module: str) -> str:
    tree = _tree(module)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            if isinstance(getattr(body[0], "value", None), ast.Constant) and isinstance(
                body[0].value.value, str
            ):
                # A docstring; the tree stays valid because nothing executes it.
                del body[0]
    return module + ast.dump(tree)
