"""Stage: one part of a training: what it samples, renders, compares and trains. The Trainer does
the rest, for one person or for many."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from instag.models.gaussians import Gaussians
from instag.training.density_control import DensityConfig
from instag.training.optimizer import Group
from instag.training.people import People, Person
from instag.training.rng import Rng
from instag.training.schedules import Rate, constant, log_ramp, slowed
from instag.types import Camera, Rendering


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a stage. person_step: how many steps each of its people had before. people: those
    of the step that this process keeps."""

    person_step: int
    people: list[Person]


@dataclass(frozen=True, kw_only=True)
class StepOutput:
    """losses: weighted terms by name, means over the people. rendering: `batch` frames of each
    person, in their order, which density control may read. cameras: of each person. picture: what
    was compared. shrunk: the side of what was observed over that of what was compared."""

    losses: dict[str, Tensor]
    rendering: Rendering
    cameras: list[Camera]
    picture: Float[Tensor, "b h w 3"]
    shrunk: int = 1


@dataclass(frozen=True, kw_only=True)
class ParameterGroups:
    """What a stage trains, and at which rates by a person's steps. own: by the person's number.
    shared: by the gradients of all people."""

    own: dict[int, list[Group]]
    shared: list[Group]


class Stage(ABC):
    """One stage, in `person_steps` steps of each person, each of `batch` frames.

    `density` changes the Gaussians; None where none comes or goes. averaged_steps: so many at the
    end of a stage without it, of which its result is the mean; 0 for its last step.
    """

    name: str
    people: People
    person_steps: int
    batch: int
    density: DensityConfig | None
    averaged_steps: int = 0

    @property
    def steps(self) -> int:
        """Steps of all people together."""
        return self.person_steps * self.people.sampler.round_steps

    @abstractmethod
    def gaussians(self, person: Person) -> Gaussians:
        """Those that this stage trains."""

    @abstractmethod
    def parameter_groups(self) -> ParameterGroups:
        """What is trained, and at which rates."""

    @abstractmethod
    def compute_losses(self, step: Step) -> StepOutput:
        """Take a batch of each person of the step, render all, and compare."""

    @abstractmethod
    def rng(self, person: Person, step: int, *what: str) -> Rng:
        """The random numbers of a person's step; they depend on no other process."""

    def density_rng(self, person: Person, step: int) -> Rng:
        """Those of density control after a person's step."""
        return self.rng(person, step, "density")

    def averaged(self) -> tuple[nn.Module, nn.Module] | None:
        """An average and the module that it follows, where the stage keeps one."""
        return None

    def synchronized(self, person: int) -> Iterable[Tensor]:
        """What all processes need of a person that one of them trained."""
        return ()


def gaussian_groups(
    gaussians: Gaussians, extent: float, steps: int, *, factor: float = 1.0
) -> list[Group]:
    """The rates of 3DGS as docs/method.md#pre-training, #adaptation give them, times `factor`;
    centres fall to a hundredth within `steps`."""
    rates: dict[str, Rate] = {
        "means": log_ramp(1.6e-4 * extent * factor, 1.6e-6 * extent * factor, steps),
        "dc": constant(2.5e-3 * factor),
        "rest": constant(2.5e-3 / 20 * factor),
        "opacity": constant(0.05 * factor),
        "scale": constant(3e-3 * factor),
        "rotation": constant(1e-3 * factor),
    }
    return [
        gaussian_group(name, {name: getattr(gaussians, name)}, rate)
        for name, rate in rates.items()
        if getattr(gaussians, name).numel()
    ]


def gaussian_group(name: str, parameters: dict[str, nn.Parameter], rate: Rate) -> Group:
    """A group with the betas of 3DGS."""
    return Group(name=name, parameters=parameters, rate=rate, betas=(0.9, 0.999), eps=1e-15)


def field_groups(
    field: nn.Module, falling: Callable[[float], Rate], *, factor: float, slow_after: int | None
) -> list[Group]:
    """Encoding 5e-3, networks 5e-4, the attention of the speech encoder x 5 with its own weight
    decay (docs/method.md#pre-training, #adaptation). `falling` makes a rate fall.

    factor: on the rates of the networks. slow_after: steps after which the networks all but rest.
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
            rate=slowed(falling(5e-4 * factor), slow_after),
            weight_decay=0.01,
        ),
        Group(
            name="field.attention",
            parameters=attention,
            rate=slowed(falling(5e-4 * 5 * factor), slow_after),
            weight_decay=1e-4,
        ),
    ]
