"""Losses by the names cards use, taken only where the weight allows."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from dotbench.networks import check_output

PIXELWISE = {
    "mse": functional.mse_loss,
    "l1": functional.l1_loss,
    "bce": functional.binary_cross_entropy_with_logits,
}


def pixel_loss(name: str, output: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """The mean over all voxels of the batch that count."""
    check_output(output, len(target), target.shape[2:], target.shape[1])
    # float32: a mean over a million bfloat16 numbers has no digits left.
    output = output.float()
    if weight is None:
        return PIXELWISE[name](output, target)
    each = PIXELWISE[name](output, target, reduction="none")
    return (each * weight).sum() / (weight.sum() * each.shape[1]).clamp(min=1)
