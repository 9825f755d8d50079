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
    if name == "tversky":
        return tversky(output, target, 1 if weight is None else weight)
    if weight is None:
        return PIXELWISE[name](output, target)
    each = PIXELWISE[name](output, target, reduction="none")
    return (each * weight).sum() / (weight.sum() * each.shape[1]).clamp(min=1)


def tversky(output: Tensor, target: Tensor, weight: Tensor | float) -> Tensor:
    """1 - overlap of each sample, in which what is missed weighs more than what is too much (Salehi 2017)."""
    axes = tuple(range(1, output.ndim))
    hit = (weight * output * target).sum(axes)
    missed = (weight * (1 - output) * target).sum(axes)
    surplus = (weight * output * (1 - target)).sum(axes)
    # 1: samples without a cell are not divided by nothing.
    return (1 - (hit + 1) / (hit + 0.7 * missed + 0.3 * surplus + 1)).mean()
