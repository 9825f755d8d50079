"""Dots as target maps: one file a kernel, found by the kernel's name."""

from dotbench.targets.downsample import downsample_sum
from dotbench.targets.render import Target, kernel_peak, render
from dotbench.targets.write import write_targets

__all__ = ["Target", "downsample_sum", "kernel_peak", "render", "write_targets"]
