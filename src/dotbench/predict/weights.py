"""Reading a model's file: safetensors only, which cannot run code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from dotbench.errors import UserError
from dotbench.networks import MissingWeights


def read_weights(file: Path) -> tuple[dict[str, np.ndarray], dict]:
    """The arrays, and what the training wrote about them."""
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
