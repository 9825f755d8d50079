"""Methods' files found by name, and a card's options checked against what the file understands."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from dotbench.errors import UserError, nearest, unknown
from dotbench.paths import ROOT


def has_module(name: str) -> bool:
    return _file(name).is_file()


def no_module(name: str, where: object = None) -> UserError:
    """What to tell of a card that names a file which is not there."""
    file = _file(name)
    known = [path.stem for path in file.parent.glob("[a-z]*.py")]
    kind = file.parent.name.removesuffix("s")
    return unknown(
        kind, file.stem, known, where=where, next=f"mend the name, or write {file.relative_to(ROOT)}"
    )


def load_module(name: str, where: object = None) -> ModuleType:
    """`dotbench.networks.unet` and the like; a name without a file is the card's mistake."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name != name:
            raise
        raise no_module(name, where) from None


def _file(name: str) -> Path:
    return Path(__file__).parent.joinpath(*name.split(".")[1:]).with_suffix(".py")


def read_options(module: ModuleType, values: Mapping[str, Any], where: object = None) -> BaseModel:
    """The card's `options:` as the method's own type."""
    try:
        return module.Options.model_validate(dict(values))
    except ValidationError as problem:
        first = problem.errors()[0]
        key, known = ".".join(map(str, first["loc"])), list(module.Options.model_fields)
        if first["type"] == "extra_forbidden":
            hint = nearest(key, known)
            what = f"unknown option {key!r}" + (f"; {hint}" if hint else "")
        else:
            what = f"options.{key}: {first['msg']}, got {first['input']!r}"
        raise UserError(what, where=where, allowed=", ".join(known) or "no options") from problem
