"""A stage of training: what it draws, paints, loses and trains. The loop does the rest."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from instag.data.batch_loader import BatchLoader
from instag.models.gaussians import Gaussians
from instag.training.density_control import DensitySettings
from instag.training.optimizer import Group
from instag.training.schedules import Rate, constant, log_ramp, settling
from instag.training.subject import Subject
from instag.types import Camera, Rendering


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A painted batch that density control may look at. picture: side of the whole picture in
    pixels."""

    rendering: Rendering
    camera: Camera
    picture: int


class Stage(ABC):
    """One stage of a head's training, in steps of `batch` frames.

    `gaussians` are those that density control changes, by `density`; None where nothing comes or
    goes.
    """

    name: str
    steps: int
    batch: int
    subject: Subject
    gaussians: Gaussians
    density: DensitySettings | None
    supply: BatchLoader

    @abstractmethod
    def groups(self) -> list[Group]:
        """What learns, and at which rates."""

    @abstractmethod
    def lose(self, step: int) -> tuple[dict[str, Tensor], Shown]:
        """Draw a batch, paint it, and say by name what it costs."""


def gaussian_groups(gaussians: Gaussians, extent: float, steps: int) -> list[Group]:
    """The rates of 3DGS as docs/method.md#pre-training, #adaptation give them; centres fall to a
    hundredth within the stage."""
    rates: dict[str, Rate] = {
        "means": log_ramp(1.6e-4 * extent, 1.6e-6 * extent, steps),
        "dc": constant(2.5e-3),
        "rest": constant(2.5e-3 / 20),
        "opacity": constant(0.05),
        "scale": constant(3e-3),
        "rotation": constant(1e-3),
    }
    return [
        Group(
            name=name,
            parameters={name: getattr(gaussians, name)},
            rate=rate,
            betas=(0.9, 0.999),
            eps=1e-15,
        )
        for name, rate in rates.items()
        if getattr(gaussians, name).numel()
    ]


def field_groups(
    field: nn.Module, falling: Callable[[float], Rate], *, factor: float, settle: int | None
) -> list[Group]:
    """Encoding 5e-3, networks 5e-4, the attention of the speech encoder x 5 with its own weight
    decay (docs/method.md#pre-training, #adaptation). `falling` makes a rate fall.

    factor: on the rates of the networks. settle: steps after which the networks all but rest.
    """
    encoding: dict[str, nn.Parameter] = {}
    attention: dict[str, nn.Parameter] = {}
    networks: dict[str, nn.Parameter] = {}
    for name, parameter in field.named_parameters():
        part = (
            encoding
            if name.startswith("encoding")
            else attention
            if name.startswith(("speech.scores", "speech.weights"))
            else networks
        )
        part[name] = parameter
    return [
        Group(name="field.encoding", parameters=encoding, rate=falling(5e-3), weight_decay=0.01),
        Group(
            name="field.networks",
            parameters=networks,
            rate=settling(falling(5e-4 * factor), settle),
            weight_decay=0.01,
        ),
        Group(
            name="field.attention",
            parameters=attention,
            rate=settling(falling(5e-4 * 5 * factor), settle),
            weight_decay=1e-4,
        ),
    ]
