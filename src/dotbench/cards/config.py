"""The configuration: which trials to build, and where."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from dotbench.cards.base import Id, MethodName, Part


class Run(Part):
    """Trials beyond those that a paper's tables ask for."""

    dataset: Id
    protocol: Id
    n: tuple[NonNegativeInt, ...] = Field(min_length=1)
    """numbers of training images; 0: for methods that learn nothing, or start from another training"""
    draws: PositiveInt = 1
    methods: tuple[MethodName, ...] | Literal["all"] = "all"
    """all: every method of the configuration but those that start from another training"""


class Overrides(Part):
    """Values that replace those of the cards, for this configuration only."""

    datasets: dict[Id, dict[str, Any]] = {}
    methods: dict[MethodName, dict[str, Any]] = {}


class Paths(Part):
    """Where Snakemake's <results> and <resources> lie; logs follow the results."""

    results: str = "results"
    resources: str = "resources"


class Config(Part):
    pathvars: Paths = Paths()
    mirrors: tuple[str, ...] = ()
    """folders or addresses that are asked before the public source"""
    papers: tuple[Id, ...] = ()
    """whose tables to build"""
    datasets: tuple[Id, ...]
    methods: tuple[MethodName, ...]
    draws: PositiveInt | None = None
    """at most so many draws a trial; null: as many as each paper made"""
    runs: tuple[Run, ...] = ()
    overrides: Overrides = Overrides()
    device: Literal["auto", "cpu", "cuda"] = "auto"
    deterministic: bool = False
    """float32 and deterministic kernels: slower, equal on every run"""
    seed: NonNegativeInt = 0
    likeness: bool = False
    """whether to draw the figure that holds simulated VGG cells against real ones (needs both datasets)"""
