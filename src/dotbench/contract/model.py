"""model.safetensors: what a training leaves. safetensors only, which cannot run code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from dotbench.contract.status import MissingWeights
from dotbench.errors import UserError
from dotbench.files import atomic

MODEL_FILE = "model.safetensors"
# A safetensors file is the length of its header, the header, the tensors: here an empty header and no tensors.
NO_WEIGHTS = (2).to_bytes(8, "little") + b"{}"


def write_model(folder: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
    """The arrays, and what a reader must know to use them."""
    # safetensors writes the bytes as they lie: those of a transposed array would come back in another order.
    arrays = {name: np.array(values, order="C") for name, values in arrays.items()}
    with atomic(Path(folder, MODEL_FILE)) as temporary:
        # One entry: several are written in an order that changes from run to run.
        save_file(arrays, temporary, {"dotbench": json.dumps(about, sort_keys=True)})


def write_no_model(folder: Path) -> None:
    """In place of a model that could not be trained."""
    with atomic(Path(folder, MODEL_FILE)) as temporary:
        temporary.write_bytes(NO_WEIGHTS)


def read_model(folder: Path) -> tuple[dict[str, np.ndarray], dict]:
    """The arrays, and what the training wrote about them."""
    file = Path(folder, MODEL_FILE)
    if not file.is_file():
        raise MissingWeights(
            "no trained model", where=file, next="train it first: snakemake, or dotbench run"
        )
    try:
        with safe_open(file, "numpy") as content:
            about = json.loads((content.metadata() or {}).get("dotbench", "{}"))
            arrays = {name: content.get_tensor(name) for name in content.keys()}
    except (SafetensorError, json.JSONDecodeError) as problem:
        raise UserError(
            f"not a model file: {problem}",
            where=file,
            allowed="safetensors written by dotbench; pickles (.pt, .pth) are refused, for they can run code",
            next=f"delete {file} and train again",
        ) from problem
    if not arrays:
        raise MissingWeights(
            "the model's file holds no weights: its training failed", where=file, next="see train.json"
        )
    return arrays, about
