"""Where a training is, on disk: whole or not at all, and only for the very same training."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from dotbench.files import atomic
from dotbench.locks import alone

FILE = "checkpoint.pt"


def training_key(**parts: Any) -> str:
    """Equal for trainings that must go the same way: card, split, data, seed, code."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def save(folder: Path, key: str, state: Mapping[str, Any]) -> None:
    with atomic(Path(folder, FILE)) as temporary:
        torch.save({"key": key, **state}, temporary)


def load(folder: Path, key: str, device: torch.device) -> dict[str, Any] | None:
    """The state to go on from, or None; a checkpoint of another training is left aside with a note."""
    file = Path(folder, FILE)
    if not file.exists():
        return None
    try:
        # weights_only: a checkpoint cannot run code.
        state = torch.load(file, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as problem:
        return _ignored(file, f"it cannot be read ({problem})")
    if not isinstance(state, dict) or state.get("key") != key:
        return _ignored(file, "it is of another card, split, dataset, seed or code")
    return state


def clear(folder: Path) -> None:
    """The training is finished: its checkpoint is of no more use."""
    shutil.rmtree(folder, ignore_errors=True)


def locked(folder: Path) -> AbstractContextManager[None]:
    """Two trainings of one trial at once would take turns in destroying each other's checkpoints."""
    return alone(Path(folder, "lock"), "is training this very trial")


def _ignored(file: Path, why: str) -> None:
    print(f"note: {file} is not used: {why}; training starts from the beginning", file=sys.stderr)
