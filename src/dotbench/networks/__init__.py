"""Networks, one file each. The engine finds them by name; adding a file adds a network.

A file has `Options` (pydantic: what a card's `options:` may say), `build(options, channels, ndim)` (an nn.Module from
(B, channels, *space) to (B, maps, *space)), `STRIDE` (sizes are padded to a multiple of it) and
`receptive_field(options)` (pixels that one output pixel depends on, or None when it depends on the whole image).
It may have `loss(model, batch, step, options)`, which then replaces the card's loss, `finish(model, images, options)`,
which is called once after training, with the weights that are kept and the training images as they are, and `WEIGHTS`,
the origin of pretrained weights that `build` loads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from dotbench.errors import UserError
from dotbench.modules import load_module, read_options

if TYPE_CHECKING:
    from torch import Tensor, nn


OWED = ("Options", "build", "STRIDE", "receptive_field")


class MissingWeights(UserError):
    """Weights that a method needs are not there."""

    status = "missing_weights"


@dataclass(frozen=True)
class Network:
    """A network's file together with the options of one card."""

    module: ModuleType
    options: BaseModel

    @property
    def stride(self) -> int:
        return self.module.STRIDE

    @property
    def receptive_field(self) -> int | None:
        return self.module.receptive_field(self.options)

    @property
    def loss(self) -> Callable[..., Tensor] | None:
        return getattr(self.module, "loss", None)

    @property
    def finish(self) -> Callable[..., None] | None:
        return getattr(self.module, "finish", None)

    @property
    def weights(self) -> str | None:
        return getattr(self.module, "WEIGHTS", None)

    def build(self, channels: int, ndim: int) -> nn.Module:
        return self.module.build(self.options, channels, ndim)


def load_network(name: str, options: Mapping[str, Any], where: object = None) -> Network:
    """The network in module `name` with the options of a card."""
    module = load_module(name, where)
    if absent := [owed for owed in OWED if not hasattr(module, owed)]:
        raise UserError(
            f"the network's file has no {', no '.join(absent)}",
            where=module.__file__,
            allowed=", ".join(OWED),
            next="docs/add-a-method.md; `dotbench new-method` writes a file that has all of them",
        )
    return Network(module, read_options(module, options, where))


def check_output(output: object, batch: int, space: Sequence[int], maps: int | None = None) -> None:
    """Whether a network put out what it owes; maps of another size would be broadcast, and learn nonsense quietly."""
    wanted = [batch, maps, *space]
    shape = getattr(output, "shape", None)
    fits = shape is not None and len(shape) == len(wanted)
    if fits and all(want in (None, size) for want, size in zip(wanted, shape, strict=True)):
        return
    raise UserError(
        f"the network puts out a {type(output).__name__}"
        + ("" if shape is None else f" of shape {list(shape)}"),
        allowed=f"{['maps' if want is None else want for want in wanted]}: (batch, maps, *space), as large as its input",
        next="in the network's file: padding keeps the size, and STRIDE says of what the input is a multiple",
    )
