"""Where and in which precision to compute."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from dotbench import provenance
from dotbench.errors import NotNow, UserError
from dotbench.memory import available_bytes
from dotbench.networks import nd


@dataclass(frozen=True)
class Compute:
    """A device and the number format that is fast on it."""

    device: torch.device
    dtype: torch.dtype
    deterministic: bool
    threads: int

    @property
    def gpu(self) -> bool:
        return self.device.type == "cuda"

    @property
    def precision(self) -> str:
        return str(self.dtype).removeprefix("torch.")

    def autocast(self) -> AbstractContextManager:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32)

    def memory_format(self, ndim: int) -> torch.memory_format:
        # The layout that the bfloat16 kernels of CPUs and GPUs work in: without it every layer converts.
        return nd.CHANNELS_LAST[ndim]

    def free_bytes(self) -> int:
        if self.gpu:
            return torch.cuda.mem_get_info(self.device)[0]
        return available_bytes()

    @contextmanager
    def settings(self) -> Iterator[None]:
        """PyTorch's global switches for this computation, put back afterwards."""
        threads, state = torch.get_num_threads(), torch.get_rng_state()
        deterministic, benchmark = (
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cudnn.benchmark,
        )
        if self.deterministic:
            # cuBLAS reads this when it starts; without it matrix products on a GPU are refused.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        try:
            torch.set_num_threads(self.threads)
            _be_deterministic(self.deterministic)
            torch.backends.cudnn.benchmark = not self.deterministic
            yield
        finally:
            torch.set_num_threads(threads)
            _be_deterministic(deterministic)
            torch.backends.cudnn.benchmark = benchmark
            torch.set_rng_state(state)


def _be_deterministic(wanted: bool) -> None:
    # The call imports PyTorch's compiler, for seconds; most runs need not make it.
    if torch.are_deterministic_algorithms_enabled() != wanted:
        torch.use_deterministic_algorithms(wanted)


def choose(device: str = "auto", deterministic: bool = False, threads: int | None = None) -> Compute:
    """The device by its name (`auto`: a GPU if there is one), in bfloat16 where the hardware has it."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as problem:
        raise UserError(
            f"unknown device {device!r}", allowed="auto, cpu, cuda, cuda:0, cuda:1, ..."
        ) from problem
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise NotNow(
            f"device {device!r} asked for, but this machine shows {torch.cuda.device_count()} GPUs to PyTorch",
            allowed="auto, cpu" + "".join(f", cuda:{i}" for i in range(torch.cuda.device_count())),
            next="nvidia-smi tells whether driver and GPU are there; `device: auto` takes the CPU where they are not",
        )
    # Hyper-threads and the cores of other jobs do not count; nor does more than the job asked for.
    threads = threads or torch.get_num_threads()
    dtype = torch.bfloat16 if not deterministic and _has_bfloat16(chosen) else torch.float32
    return Compute(chosen, dtype, deterministic, threads)


def facts(compute: Compute) -> dict[str, Any]:
    """What a result was computed with."""
    found = provenance.facts() | {
        "precision": compute.precision,
        "deterministic": compute.deterministic,
        "threads": compute.threads,
    }
    if compute.gpu:
        found["memory"]["gpu_mb"] = round(torch.cuda.max_memory_allocated(compute.device) / 2**20, 1)
        found["device"] = torch.cuda.get_device_name(compute.device)
        found["driver"] = f"{provenance.gpu_driver()}, CUDA {torch.version.cuda}"
    return found


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    # Emulated bfloat16 exists on every CPU and is slower than float32.
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
