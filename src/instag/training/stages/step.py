"""What one step of a stage passes on, for the frames of one person: choices of the host, inputs on
the device, what is rendered, and what comes of comparing it."""

from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.data.frame_batch import FrameBatch
from instag.rendering.renderer import Drawing
from instag.training.people import Person
from instag.types import Camera, Rendering


@final
@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a stage. person_step: how many steps each of its people had before. people: those
    of the step that this process keeps."""

    person_step: int
    people: list[Person]


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

    person: Person
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


@final
@dataclass(frozen=True, kw_only=True)
class StepOutput:
    """losses: weighted terms by name. rendering: what density control may read. picture: what was
    compared. shrunk: the side of what was observed over that of what was compared."""

    losses: dict[str, Tensor]
    rendering: Rendering
    camera: Camera
    picture: Float[Tensor, "b h w 3"]
    shrunk: int = 1

    def detach(self) -> "StepOutput":
        """The same without what it was computed from, and with the gradient of means2d. (While
        nodes of a launched step are alive, gradients of what people share belong to its stream,
        and no other person's step can be recorded.)"""
        rendering = Rendering(
            **{name: value.detach() for name, value in vars(self.rendering).items()}
        )
        rendering.means2d.grad = self.rendering.means2d.grad
        losses = {name: value.detach() for name, value in self.losses.items()}
        return replace(self, losses=losses, rendering=rendering, picture=self.picture.detach())
