"""Stage: one part of a training: what it samples, renders, compares and trains. The Trainer does
the rest, for one person or for many."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.data.batch_loader import BatchLoader
from instag.data.frame_batch import CropWindow
from instag.models.gaussians import Gaussians
from instag.rendering import compositing
from instag.runtime.device_copy import to_device_async
from instag.training.density_control import DensityConfig
from instag.training.optimizer import Group
from instag.training.people import People, Person
from instag.training.rng import Rng
from instag.training.schedules import Rate, constant, log_ramp, slowed
from instag.training.stages.step import (
    Comparison,
    HostChoices,
    Noise,
    StepInputs,
    StepOutput,
    StepScene,
)
from instag.types import Rendering

GREY = 0.5
"""Behind what is shown."""


@dataclass(frozen=True, kw_only=True)
class ParameterGroups:
    """What a stage trains, and at which rates by a person's steps. own: by the person's number.
    shared: by the gradients of all people."""

    own: dict[int, list[Group]]
    shared: list[Group]


class Stage(ABC):
    """One stage, in `person_steps` steps of each person, each of `batch` frames. A step deforms one
    person's Gaussians, a renderer draws, the step compares. Both halves depend on tensors and on
    `phase` alone, so that a GPU can record them (`training.step_recorder`).

    loaders: the batches of each person, by number. `density` changes the Gaussians; None where none
    comes or goes. averaged_steps: so many at the end of a stage without it, of which its result is
    the mean; 0 for its last step.
    """

    name: str
    people: People
    person_steps: int
    batch: int
    density: DensityConfig | None
    loaders: dict[int, BatchLoader]
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
    def phase(self, step: int) -> Hashable:
        """What of a step changes its operations, not their inputs alone."""

    @abstractmethod
    def deform(self, step: int, inputs: StepInputs) -> StepScene:
        """Everything up to the renderer."""

    @abstractmethod
    def compare(
        self, step: int, inputs: StepInputs, scene: StepScene, renderings: list[Rendering]
    ) -> Comparison:
        """Everything after it. renderings: of the scene's drawings."""

    @abstractmethod
    def rng(self, person: Person, step: int, *what: str) -> Rng:
        """The random numbers of a person's step; they depend on no other process."""

    def surface(self, step: int) -> bool:
        """Whether a step compares geometry."""
        return False

    def shrunk(self, step: int) -> int:
        """The side of what was observed over that of what a step compares."""
        return 1

    def choices(self, person: Person, step: int) -> HostChoices:
        """What the host draws for a step; asked right before it."""
        return HostChoices()

    def density_rng(self, person: Person, step: int) -> Rng:
        """Those of density control after a person's step."""
        return self.rng(person, step, "density")

    def averaged(self) -> tuple[nn.Module, nn.Module] | None:
        """An average and the module that it follows, where the stage keeps one."""
        return None

    def synchronized(self, person: int) -> Iterable[Tensor]:
        """What all processes need of a person that one of them trained."""
        return ()

    def compute_losses(self, person: Person, step: int) -> StepOutput:
        """Take a batch of a person, render and compare it."""
        inputs = self.inputs(person, step)
        scene = self.deform(step, inputs)
        renderings = [self.people.renderer.draw(drawing) for drawing in scene.drawings]
        compared = self.compare(step, inputs, scene, renderings)
        return StepOutput(
            losses=compared.losses | scene.losses,
            rendering=renderings[0],
            camera=scene.frames.camera,
            picture=compared.picture,
            shrunk=self.shrunk(step),
        )

    def shown(self, output: StepOutput) -> Float[Tensor, "h w 3"]:
        """A picture to look at: the first frame as it was rendered, before grey. (What is compared
        has the colour behind it that the loss asks for, another one in each step.)"""
        colors, alphas = output.rendering.colors[:1, ..., :3], output.rendering.alphas[:1]
        return compositing.over(colors, alphas, torch.full_like(colors, GREY))[0]

    def inputs(self, person: Person, step: int) -> StepInputs:
        """Those of a person's step."""
        choices = self.choices(person, step)
        frames, rows = self.loaders[person.number](step, surface=self.surface(step))
        if choices.closing is not None:
            assert person.expressions is not None, "lids close where expressions are taught"
            frames = person.expressions.lids.close_some(frames, choices.closing)
        corner = choices.corner
        return StepInputs(
            person=person,
            frames=frames,
            rows=rows,
            corner=None if corner is None else to_device_async(corner, person.device),
            noise=self.noise(person, step),
        )

    def noise(self, person: Person, step: int) -> Noise:
        """The generators of a person's step."""
        return Noise(
            plain=self.rng(person, step).noise,
            strain=self.rng(person, step, "strain").noise,
        )

    def load_batches(
        self,
        person: Person,
        windows: CropWindow,
        sample: Callable[[int, torch.Generator], list[int]],
    ) -> BatchLoader:
        """The batches of a person, cut to windows. sample: rows of a step."""
        return BatchLoader(
            person.dataset,
            person.pictured,
            windows,
            lambda step: sample(step, self.rng(person, step, "frames").choice),
            table_bytes=person.table_bytes,
        )


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
