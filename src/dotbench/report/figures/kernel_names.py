"""Kernels in words, for titles of panels."""

from __future__ import annotations

from dotbench.cards.kernels import Kernel


def kernel_name(kernel: Kernel) -> str:
    match kernel.name:
        case "gaussian":
            text = f"Gaussian, σ={kernel.sigma:g} px"
        case "gaussian_adaptive":
            text = f"adaptive Gaussian, σ={kernel.beta:g} × neighbour distance"
        case "inverse_distance":
            text = "inverse distance"
        case "central_slice":
            text = "central slice of each mask"
        case other:
            text = other.replace("_", " and ")
    if getattr(kernel, "border", None) == "lose":
        text += ", cut at the border"
    return text + (", in physical units" if kernel.units == "physical" else "")
