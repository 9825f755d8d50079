"""A SLURM of the tests' own, and copies of the project to run on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from cluster import CannotInstall, Cluster
from slurm_site import Site


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    try:
        # Only numbers: what runs at once is up to the runs.
        started = Cluster.start(cpus=16, gpus=4, memory_mb=64_000)
    except CannotInstall as problem:
        if os.environ.get("CI"):
            pytest.fail(f"SLURM must run in CI: {problem}")
        pytest.skip(f"SLURM cannot run here: {problem}")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def new_site(cluster: Cluster, tmp_path_factory) -> Callable[[str], Site]:
    return lambda name: Site.make(tmp_path_factory.mktemp(name), cluster)
