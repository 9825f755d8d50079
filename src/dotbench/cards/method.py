"""Method cards: one way to count, with every hyperparameter and the reason for its value."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, PrivateAttr, TypeAdapter, model_validator

from dotbench.cards.base import Card, Id, MethodName, Part
from dotbench.cards.kernels import Kernel
from dotbench.contract.trial import Trial


class Needs(Part):
    """What one job of this method asks the machine for."""

    gpu: int = Field(0, ge=0)
    threads: PositiveInt = 1
    mem_mb: PositiveInt = 2000
    runtime: PositiveInt = 30
    """minutes; a training that needs longer is resubmitted and resumes"""


class Input(Part):
    """How an image is shown to the network."""

    normalise: Literal["image", "patch", "dataset", "unit", "none"] = "image"
    """image: own mean and sd of each image; patch: of each crop; dataset: of the training images; unit: integers
    divided by the largest value of their type; none: as stored"""
    channels: Literal["all", "grey"] = "all"
    """grey: the mean of all channels"""
    tile: tuple[PositiveInt, ...] | None = None
    """null: images are predicted as one, or in overlapping tiles that make no difference; [y, x] or [z, y, x]: in pieces
    of this size side by side, each normalised by itself if `normalise` is patch"""
    orientations: Literal[1, 8] = 1
    """8: the map is the mean of those of the image's flips and quarter turns (volumes: in the plane); takes eight times
    as long to predict"""


class Optimizer(Part):
    name: Literal["sgd", "adam", "adamw"]
    weight_decay: float = 0.0
    momentum: float = 0.9
    dampening: float = 0.0
    """0.9 with momentum 0.9 gives the (1 - beta) rule of MatConvNet-era papers"""
    nesterov: bool = False
    betas: tuple[float, float] = (0.9, 0.999)


class Schedule(Part):
    name: Literal["constant", "step", "cosine", "cosine_restarts", "one_cycle", "plateau"] = "constant"
    every: PositiveInt | None = None
    """step: epochs between drops; plateau: looks (every `validate_every` steps) without improvement before a drop"""
    factor: PositiveFloat = 0.1
    stop: PositiveInt | None = None
    """plateau: looks without improvement that end the training. What should improve is the validation error, or the
    training loss where a protocol has no validation images"""
    first: PositiveInt | None = None
    """cosine_restarts: steps of the first period"""
    grow: PositiveFloat = 2.0
    """cosine_restarts: each period is this much longer"""
    warmup: float = Field(0.1, ge=0, lt=1)
    """one_cycle: share of the steps that warm up, before a cosine to the end"""
    floor: float = Field(0.0, ge=0, lt=1)
    """cosine, cosine_restarts, one_cycle: lowest rate, as a share of lr"""

    @model_validator(mode="after")
    def _complete(self):
        for name, key in (("step", "every"), ("plateau", "every"), ("cosine_restarts", "first")):
            if self.name == name and getattr(self, key) is None:
                raise ValueError(f"{name} needs `{key}`")
        return self


class Stage(Part):
    """A piece of the training with one crop size and one learning-rate curve."""

    steps: PositiveInt | None = None
    epochs: PositiveInt | None = None
    batch: PositiveInt
    crop: tuple[PositiveInt, ...] | None = None
    """null: whole images; [y, x] or [z, y, x], of which a plane takes the last two"""
    crops_per_image: PositiveInt = 1
    """so many make an epoch"""
    lr: PositiveFloat
    schedule: Schedule = Schedule()

    @model_validator(mode="after")
    def _one_length(self):
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give either steps or epochs")
        return self


class Training(Part):
    stages: tuple[Stage, ...] = Field(min_length=1)
    optimizer: Optimizer
    loss: Literal["mse", "l1", "bce", "tversky"] = "mse"
    """bce: of maps that are log-odds; tversky: of maps from 0 to 1, for cells that cover little of the image"""
    augment: tuple[Literal["flip", "rot90"], ...] = ("flip", "rot90")
    select: Literal["validation", "last"] = "validation"
    """which checkpoint is kept: lowest validation MAE, or the last"""
    validate_every: PositiveInt = 100
    """steps"""
    margin: int = Field(0, ge=0)
    """pixels along a cut through the image where the loss does not look, because half a cell cannot be told from a
    cell at the image's border; crops then also meet the border more often"""
    unlabelled_batch: int = Field(0, ge=0)
    """images without labels in each batch, for methods whose network file has its own loss"""
    clip: PositiveFloat | None = None
    """largest gradient norm"""


class Detect(Part):
    """How a predicted map becomes dots."""

    how: Literal["local_maxima", "components"] = "local_maxima"
    min_distance: PositiveInt = 1
    threshold: PositiveFloat | None = None
    """as a share of a lone cell's peak; null: chosen on the validation images, or on the training images where a protocol
    has none"""
    sharpen: float = Field(0, ge=0)
    """local_maxima: so many times what a Gaussian of sigma 1 takes off the map is added to it first, which parts cells
    that have joined; 0: the map as it is. Wants a map without ripples, see `input: {orientations: 8}`"""

    @model_validator(mode="after")
    def _sharpens_maxima(self):
        if self.sharpen and self.how != "local_maxima":
            raise ValueError(f"sharpen goes with how: local_maxima, not with {self.how}")
        return self


class NetworkDetect(Detect):
    how: Literal["local_maxima", "components", "peeling"] = "local_maxima"
    """peeling: maxima at least `min_distance` apart become dots, the map of a lone cell is subtracted at each, and so on
    with what is left; finds cells that have no maximum of their own. Of Gaussian maps only, whose cells add up"""


class Start(Part):
    """A trial whose trained weights another training begins with."""

    dataset: Id
    protocol: Id
    n: PositiveInt
    """number of training images there"""
    draw: int = Field(0, ge=0)
    method: MethodName

    @property
    def trial(self) -> Trial:
        return Trial(self.dataset, self.protocol, self.n, self.draw, self.method)


class _Method(Card):
    paper: Id | None = None
    """the paper card this method comes from"""
    role: Literal["method", "control"] = "method"
    """control: may see the test dots (floor, ceiling, chance)"""
    ndim: tuple[Literal[2, 3], ...] = (2,)
    needs: Needs = Needs()
    notes: str = ""
    volumes: dict[str, Any] = {}
    """what differs for volumes: values that replace those above, key by key, when images are 3D"""

    words: ClassVar[frozenset[str]] = Card.words | {"needs", "paper", "volumes"}
    _for_volumes: Self | None = PrivateAttr(None)

    @property
    def variants(self) -> list[Self]:
        """The card, and the one for volumes if it differs."""
        return [self, self._for_volumes] if self._for_volumes else [self]

    def of(self, ndim: int) -> Self:
        """The card as it holds for images of this dimension."""
        return self._for_volumes or self if ndim == 3 else self


class NetworkCard(_Method):
    """A network trained by the engine: src/dotbench/networks/<network>.py."""

    kind: Literal["network"]
    network: Id
    options: dict[str, Any] = {}
    start: Start | None = None
    """what the training begins with, instead of random weights; without training images (N = 0) it is used as it is"""
    kernel: Kernel
    input: Input = Input()
    training: Training
    count: Literal["integral", "detections"] = "integral"
    calibrate: Literal["none", "validation"] = "none"
    """validation: counts go through the line that fits those of the validation images best (least squares); of the
    training images where a protocol has none"""
    detect: NetworkDetect = NetworkDetect()
    trains: ClassVar[bool] = True
    learns: ClassVar[bool] = True

    @model_validator(mode="after")
    def _peels_gaussians(self):
        if self.detect.how == "peeling" and not (
            self.kernel.name == "gaussian" and self.kernel.units == "voxel"
        ):
            raise ValueError("detect.how: peeling needs the kernel gaussian, in voxels")
        return self

    @model_validator(mode="after")
    def _crops_fit(self):
        numbers = 2 if self.volumes else max(self.ndim)
        for number, stage in enumerate(self.training.stages):
            if stage.crop is not None and len(stage.crop) < numbers:
                raise ValueError(f"training.stages.{number}.crop needs {numbers} numbers")
        return self

    @property
    def module(self) -> str:
        return f"dotbench.networks.{self.network}"


class ClassicalCard(_Method):
    """A method without gradient descent: src/dotbench/classical/<classical>.py."""

    kind: Literal["classical"]
    classical: Id
    options: dict[str, Any] = {}
    trains: bool = False
    """whether it learns from the training images"""

    @property
    def learns(self) -> bool:
        """Whether what it predicts depends on N and draw."""
        return self.trains

    @property
    def module(self) -> str:
        return f"dotbench.classical.{self.classical}"


class RuleCard(_Method):
    """Anything that writes counts.csv, dots.csv and run.json: workflow/rules/methods/<id>.smk."""

    kind: Literal["rule"]
    options: dict[str, Any] = {}
    trains: ClassVar[bool] = False
    learns: bool = True
    """whether what it predicts depends on the training images"""


def upgrade(card: dict[str, Any]) -> dict[str, Any]:
    """A card as an old result holds it, in today's form."""
    return {key: value for key, value in card.items() if key != "based_on"}


MethodCard = Annotated[NetworkCard | ClassicalCard | RuleCard, Field(discriminator="kind")]
METHOD = TypeAdapter(MethodCard)
