"""The work of a stage of pre-training: what it draws, paints, loses and trains of the people it is
given. The loop does the rest."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor, nn

from instag.data.batch_loader import BatchLoader
from instag.data.clip_dataset import CropWindow, FrameBatch
from instag.models.face_field import MotionField
from instag.models.gaussians import Gaussians
from instag.training.density_control import DensitySettings
from instag.training.distributed import Ranks
from instag.training.optimizer import Group
from instag.training.people import Crew, Person
from instag.training.schedules import Rate, early_then_late
from instag.training.stages.stage import field_groups, gaussian_groups
from instag.types import Rendering

OWN_ENCODING, OWN_NETWORK = 1e-3, 1e-4
"""Rates of a personalized field (docs/method.md#pre-training)."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What was painted: frames of several people, in their order."""

    rendering: Rendering
    parts: list[FrameBatch]


class Work(ABC):
    """One stage, for `turns` turns of each person, each of `batch` frames. A turn is a step's share
    that one person has.

    centre_steps: in which the centres' rate falls to a hundredth. late: turns until the second
    decay of the rates.
    """

    name: str
    crew: Crew
    turns: int
    batch: int
    density: DensitySettings
    centre_steps: int
    late: int

    @abstractmethod
    def gaussians(self, person: Person) -> Gaussians:
        """Those that this stage trains."""

    @abstractmethod
    def universal(self) -> tuple[nn.Module, nn.Module]:
        """The field that all share, and its average."""

    @abstractmethod
    def own_field(self, person: int) -> MotionField:
        """A person's own field."""

    def universal_groups(self) -> list[Group]:
        """What all people teach, and at which rates by turn."""
        shared = (
            [shared_speech_group(self.own_field(0), self._falling)]
            if self.crew.fields.share_speech
            else []
        )
        return [*field_groups(self.universal()[0], self._falling, factor=1.0, settle=None), *shared]

    def own_groups(self, person: Person) -> list[Group]:
        """What one person alone teaches, and at which rates by turn."""
        splats = gaussian_groups(self.gaussians(person), person.extent, self.centre_steps)
        return [
            *splats,
            *own_field_groups(
                self.own_field(person.number),
                self._falling,
                share_speech=self.crew.fields.share_speech,
            ),
        ]

    def _falling(self, rate: float) -> Rate:
        return early_then_late(rate, self.late, self.turns)

    @abstractmethod
    def lose(self, turn: int, people: list[Person]) -> tuple[dict[str, Tensor], Shown]:
        """Draw a batch of each of these people, paint all, and say by name what they cost; terms
        are means over the people."""


def own_field_groups(
    field: MotionField, falling: Callable[[float], Rate], *, share_speech: bool
) -> list[Group]:
    """A personalized field; its speech network is left out where all people share one."""
    encoding = {
        name: parameter
        for name, parameter in field.named_parameters()
        if name.startswith("encoding")
    }
    own = {
        name: parameter
        for name, parameter in field.named_parameters()
        if name not in encoding and not (share_speech and name.startswith("speech."))
    }
    return [
        Group(
            name="own.encoding", parameters=encoding, rate=falling(OWN_ENCODING), weight_decay=0.01
        ),
        Group(name="own.networks", parameters=own, rate=falling(OWN_NETWORK), weight_decay=0.01),
    ]


def shared_speech_group(field: MotionField, falling: Callable[[float], Rate]) -> Group:
    """The speech network that the personalized fields share."""
    return Group(
        name="shared.speech",
        parameters=dict(field.speech.named_parameters()),
        rate=falling(OWN_NETWORK),
        weight_decay=0.01,
    )


def same_size(windows: dict[int, CropWindow], picture: int, ranks: Ranks) -> dict[int, CropWindow]:
    """The windows of all people at the size of the largest, of all processes; pixels."""
    found = ranks.gathered([(window.width, window.height) for window in windows.values()])
    sizes = [size for of_rank in found for size in of_rank]
    width, height = (max(size[axis] for size in sizes) for axis in (0, 1))
    return {person: grown(window, width, height, picture) for person, window in windows.items()}


def grown(window: CropWindow, width: int, height: int, picture: int) -> CropWindow:
    """Larger windows around the same places, within the picture."""
    moved: Callable[[Int[Tensor, " b"], int, int], Int[Tensor, " b"]] = lambda start, old, new: (
        start - (new - old) // 2
    ).clamp(0, picture - new)
    return CropWindow(
        left=moved(window.left, window.width, width),
        top=moved(window.top, window.height, height),
        width=width,
        height=height,
    )


def batch_loaders(
    crew: Crew, windows: dict[int, CropWindow], draw: Callable[[Person, int], list[int]]
) -> dict[int, BatchLoader]:
    """Where each person's batches come from; windows are of one size."""
    return {
        person.number: BatchLoader(
            person.store,
            person.train,
            windows[person.number],
            lambda turn, person=person: draw(person, turn),
            room=person.room,
        )
        for person in crew.people
    }


def within_each(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the pixels of each frame's mask, then over the frames, so that it does not matter
    which frames are in a batch together."""
    return ((values * mask).sum((1, 2)) / mask.sum((1, 2)).clamp_min(1)).mean()


def mean_of(values: list[Tensor]) -> Tensor:
    """The mean of what several people cost."""
    return torch.stack(values).mean()
