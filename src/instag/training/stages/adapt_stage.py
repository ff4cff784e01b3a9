"""AdaptStage: what the three stages of one head's training have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.data.batch_loader import BatchLoader
from instag.data.frame_batch import CropWindow, FrameBatch
from instag.models.gaussians import Gaussians
from instag.models.head import Head
from instag.ops.perceptual import PerceptualDistance
from instag.rendering.renderer import Drawing
from instag.runtime.device_copy import to_device_async
from instag.training.density_control import DensityConfig
from instag.training.people import People, Person
from instag.training.rng import Rng, rng_for
from instag.training.stages.stage import Stage, Step, StepOutput
from instag.types import Rendering


@final
@dataclass(frozen=True, kw_only=True)
class HeadTraining:
    """What the stages of one head share. people: the one whose head it is."""

    people: People
    head: Head
    perceptual: PerceptualDistance

    @property
    def person(self) -> Person:
        return self.people.here[0]


@final
@dataclass(frozen=True, kw_only=True)
class Noise:
    """The generators of a step, on the device. strain: of the motion that is made up for it."""

    plain: torch.Generator
    strain: torch.Generator


@final
@dataclass(frozen=True, kw_only=True)
class HostChoices:
    """What the host draws for a step. closing: by how much the lids of each frame are closed
    further, None where no stage does so. corner: of the patch that is compared by perception,
    pixels, None where none is."""

    closing: Float[Tensor, " b"] | None = None
    corner: Int[Tensor, " 2"] | None = None


@final
@dataclass(frozen=True, kw_only=True)
class StepInputs:
    """What a step begins with, on the device. rows: which of the pictured frames these are. corner:
    see HostChoices."""

    frames: FrameBatch
    rows: Int[Tensor, " b"]
    corner: Int[Tensor, " 2"] | None
    noise: Noise


@final
@dataclass(frozen=True, kw_only=True)
class StepScene:
    """What a step renders. frames: those that it is compared with. losses: the terms that need no
    picture, weighted."""

    frames: FrameBatch
    drawings: list[Drawing]
    losses: dict[str, Tensor]


@final
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of a picture: itself, and its terms of the loss, weighted."""

    picture: Float[Tensor, "b h w 3"]
    losses: dict[str, Tensor]


class AdaptStage(Stage, ABC):
    """A stage that trains parts of one head, in `steps` steps: it deforms, a renderer draws, it
    compares. Both halves depend on tensors and on `phase` alone, so that a GPU can record them
    (`training.step_recorder`)."""

    loader: BatchLoader

    def __init__(
        self, training: HeadTraining, *, steps: int, batch: int, density: DensityConfig | None
    ) -> None:
        self.training, self.head, self.person = training, training.head, training.person
        self.people, self.perceptual = training.people, training.perceptual
        self.person_steps, self.batch, self.density = steps, batch, density

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

    def surface(self, step: int) -> bool:
        """Whether a step compares geometry."""
        return False

    def shrunk(self, step: int) -> int:
        """The side of what was observed over that of what a step compares."""
        return 1

    def choices(self, step: int) -> HostChoices:
        """What the host draws for a step."""
        return HostChoices()

    def compute_losses(self, step: Step) -> StepOutput:
        at = step.person_step
        inputs = self.inputs(at)
        scene = self.deform(at, inputs)
        renderings = [self.people.renderer.draw(drawing) for drawing in scene.drawings]
        compared = self.compare(at, inputs, scene, renderings)
        return StepOutput(
            losses=compared.losses | scene.losses,
            rendering=renderings[0],
            cameras=[scene.frames.camera],
            picture=compared.picture,
            shrunk=self.shrunk(at),
        )

    def inputs(self, step: int) -> StepInputs:
        """Those of a step."""
        choices = self.choices(step)
        frames, rows = self.loader(step, surface=self.surface(step))
        if choices.closing is not None:
            assert self.person.expressions is not None, "lids close where expressions are taught"
            frames = self.person.expressions.lids.close_some(frames, choices.closing)
        corner = choices.corner
        return StepInputs(
            frames=frames,
            rows=rows,
            corner=None if corner is None else to_device_async(corner, self.person.device),
            noise=self.noise(step),
        )

    def noise(self, step: int) -> Noise:
        """The generators of a step."""
        return Noise(
            plain=self.rng(self.person, step).noise,
            strain=self.rng(self.person, step, "strain").noise,
        )

    def gaussians(self, person: Person) -> Gaussians:
        return person.face

    def rng(self, person: Person, step: int, *what: str) -> Rng:
        return rng_for(self.people.seed, self.name, step, *what, device=person.device)

    def density_rng(self, person: Person, step: int) -> Rng:
        return self.rng(person, step + 1, "density")

    def load_batches(
        self, windows: CropWindow, sample: Callable[[int, torch.Generator], list[int]]
    ) -> None:
        """The batches of the head, cut to windows. sample: rows of a step."""
        person = self.person
        self.loader = BatchLoader(
            person.dataset,
            person.pictured,
            windows,
            lambda step: sample(step, self.rng(person, step, "frames").choice),
            table_bytes=person.table_bytes,
        )
