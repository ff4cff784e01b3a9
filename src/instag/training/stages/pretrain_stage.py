"""PretrainStage: what both stages of a pre-training have in common: a universal field and one of
each person's own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from instag.data.batch_loader import BatchLoader
from instag.data.clip_dataset import ClipDataset
from instag.data.frame_batch import CropWindow
from instag.models.face_field import MotionField
from instag.training import losses
from instag.training.density_control import DensityConfig
from instag.training.distributed import ProcessGroup
from instag.training.losses import BackgroundColor
from instag.training.optimizer import Group
from instag.training.people import People, Person
from instag.training.prior_fields import PriorFields
from instag.training.rng import Rng, rng_for
from instag.training.schedules import Rate, early_then_late
from instag.training.stages.stage import (
    ParameterGroups,
    Stage,
    Step,
    field_groups,
    gaussian_groups,
)

OWN_ENCODING, OWN_NETWORK = 1e-3, 1e-4
"""Rates of a personalized field (docs/method.md#pre-training)."""


@runtime_checkable
class PretrainStageConfig(Protocol):
    """The numbers that both stages have. steps: of a person. means_decay_steps: in which the
    centres' rate falls to a hundredth. late: a person's steps until the second decay of the
    rates."""

    @property
    def steps(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def density(self) -> DensityConfig: ...
    @property
    def means_decay_steps(self) -> int: ...
    @property
    def late(self) -> int: ...


@runtime_checkable
class Curriculum(Protocol):
    """Chooses rows of a person's frames."""

    def sample(self, step: int, generator: torch.Generator) -> list[int]:
        """Those of a step."""
        ...


class PretrainStage(Stage, ABC):
    """A stage that trains a universal field, each person's own, and Gaussians."""

    def __init__(self, people: People, fields: PriorFields, config: PretrainStageConfig) -> None:
        self.people, self.fields = people, fields
        self.person_steps, self.batch, self.density = config.steps, config.batch, config.density
        self.means_decay_steps, self.late = config.means_decay_steps, config.late

    @abstractmethod
    def universal(self) -> tuple[nn.Module, nn.Module]:
        """The average of the field that all people share, and that field."""

    @abstractmethod
    def own_field(self, person: int) -> MotionField:
        """A person's own field."""

    def parameter_groups(self) -> ParameterGroups:
        shared = field_groups(self.universal()[1], self._falling, factor=1.0, slow_after=None)
        if self.fields.share_speech:
            shared.append(self._shared_speech())
        return ParameterGroups(
            own={person.number: self._own_groups(person) for person in self.people.here},
            shared=shared,
        )

    def averaged(self) -> tuple[nn.Module, nn.Module]:
        return self.universal()

    def synchronized(self, person: int) -> Iterable[Tensor]:
        return self.own_field(person).parameters()

    def rng(self, person: Person, step: int, *what: str) -> Rng:
        return rng_for(
            self.people.seed, self.name, person.number, step, *what, device=person.device
        )

    def load_batches(
        self,
        windows: Callable[[ClipDataset, range], CropWindow],
        curriculum: Callable[[Person], Curriculum],
    ) -> None:
        """The batches of each person, cut to windows of one size, in the order of its
        curriculum."""
        curricula = {person.number: curriculum(person) for person in self.people.here}
        found = {
            person.number: windows(person.dataset, person.train) for person in self.people.here
        }
        size = self.people.here[0].dataset.size
        cut = same_size(found, size, self.people.group)
        self.loaders = {
            person.number: BatchLoader(
                person.dataset,
                person.train,
                cut[person.number],
                lambda step, person=person: curricula[person.number].sample(
                    step, self.rng(person, step, "frames").choice
                ),
                table_bytes=person.table_bytes,
            )
            for person in self.people.here
        }

    def background(self, step: Step, kind: BackgroundColor) -> Float[Tensor, "b 1 1 3"]:
        """The colour behind each frame of a step."""
        noise = [self.rng(person, step.person_step).noise for person in step.people]
        return losses.background_color(kind, self.batch, noise)

    def _own_groups(self, person: Person) -> list[Group]:
        splats = gaussian_groups(self.gaussians(person), person.extent, self.means_decay_steps)
        field = dict(self.own_field(person.number).named_parameters())
        encoding = {name: value for name, value in field.items() if name.startswith("encoding")}
        networks = {
            name: value
            for name, value in field.items()
            if name not in encoding
            and not (self.fields.share_speech and name.startswith("speech."))
        }
        return [
            *splats,
            self._own_group("own.encoding", encoding, OWN_ENCODING),
            self._own_group("own.networks", networks, OWN_NETWORK),
        ]

    def _shared_speech(self) -> Group:
        """The speech network that the personalized fields share."""
        network = dict(self.own_field(0).speech.named_parameters())
        return self._own_group("shared.speech", network, OWN_NETWORK)

    def _own_group(self, name: str, parameters: dict[str, nn.Parameter], rate: float) -> Group:
        return Group(name=name, parameters=parameters, rate=self._falling(rate), weight_decay=0.01)

    def _falling(self, rate: float) -> Rate:
        return early_then_late(rate, self.late, self.person_steps)


def same_size(
    windows: dict[int, CropWindow], picture: int, group: ProcessGroup
) -> dict[int, CropWindow]:
    """The windows of all people at the size of the largest, of all processes; pixels."""
    found = group.gather([(window.width, window.height) for window in windows.values()])
    sizes = [size for of_rank in found for size in of_rank]
    width, height = (max(size[axis] for size in sizes) for axis in (0, 1))
    return {person: grown(window, width, height, picture) for person, window in windows.items()}


def grown(window: CropWindow, width: int, height: int, picture: int) -> CropWindow:
    """Larger windows around the same places, within the picture."""

    def moved(start: Int[Tensor, " b"], old: int, new: int) -> Int[Tensor, " b"]:
        return (start - (new - old) // 2).clamp(0, picture - new)

    return CropWindow(
        left=moved(window.left, window.width, width),
        top=moved(window.top, window.height, height),
        width=width,
        height=height,
    )
