"""Whether a training goes well: error on validation images, and signs that it has failed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from dotbench.cards import NetworkCard
from dotbench.contract.status import Failure
from dotbench.inference.device import Compute
from dotbench.inference.intensity import Intensity
from dotbench.inference.tiles import predict_map
from dotbench.networks import Network
from dotbench.predict.detect import detect

PATIENCE = 3
"""looks in a row at which a network may put out a constant: some need a while to wake up"""


@dataclass(frozen=True)
class Watched:
    """An image whose dots are known."""

    id: str
    image: np.ndarray
    roi: np.ndarray | None
    target_sd: float
    dots: int


@dataclass
class Watch:
    """Looks at images from time to time: validation images, or a few training images if there are none."""

    images: list[Watched]
    validation: bool
    card: NetworkCard
    network: Network
    intensity: Intensity
    compute: Compute
    peak: float
    constant: int = field(default=0)
    """looks in a row at which the output was constant"""

    def look(self, model: nn.Module, last: bool) -> float | None:
        """The mean absolute error of the counts on the validation images."""
        was_training = model.training
        model.eval()
        found = [self._one(model, watched) for watched in self.images]
        model.train(was_training)
        spread = max(spread for _, spread in found)
        wanted = max(watched.target_sd for watched in self.images)
        self.constant = self.constant + 1 if spread < 1e-3 * wanted else 0
        if self.constant >= PATIENCE or (last and self.constant):
            raise Failure(
                "error",
                "the network died: its output is the same everywhere. Try a smaller learning rate, a longer warm-up "
                "or another `init`; a target of tiny values needs a larger kernel `scale`",
            )
        return float(np.mean([error for error, _ in found])) if self.validation else None

    def _one(self, model: nn.Module, watched: Watched) -> tuple[float, float]:
        network = self.network
        found = predict_map(
            model,
            watched.image,
            self.intensity,
            self.compute,
            stride=network.stride,
            receptive_field=network.receptive_field,
            where=watched.id,
        )
        if not np.isfinite(found).all():
            raise diverged_to_nan("the output")
        inside = found if watched.roi is None else found * (np.asarray(watched.roi) > 0)
        if self.card.count == "integral":
            count = inside.sum(dtype=np.float64) / getattr(self.card.kernel, "scale", 1.0)
        else:
            count = len(detect(inside, self.card.detect, self.peak, self.card.kernel)[0])
        return abs(count - watched.dots), float(found.std())


def check_loss(total: torch.Tensor) -> None:
    if not torch.isfinite(total).all():
        raise diverged_to_nan("the loss")


def diverged_to_nan(what: str) -> Failure:
    return Failure(
        "error",
        f"{what} became NaN or infinite: the steps are too large. Try a tenth of the learning rate, a warm-up "
        "(schedule one_cycle) or `clip: 1.0`",
    )
