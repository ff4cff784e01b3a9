"""PretrainStage: what both stages of a pre-training have in common: a universal field and one of
each person's own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from instag.data.clip_dataset import ClipDataset
from instag.data.frame_batch import CropWindow
from instag.models.face_field import MotionField
from instag.training.density_control import DensityConfig
from instag.training.optimizer import Group
from instag.training.people import People, Person
from instag.training.prior_fields import PriorFields
from instag.training.rng import Rng, rng_for
from instag.training.schedules import Rate, early_then_late
from instag.training.stages.stage import (
    ParameterGroups,
    Stage,
    field_groups,
    gaussian_groups,
)

OWN_ENCODING, OWN_NETWORK = 1e-3, 1e-4
"""Rates of a personalized field (docs/method.md#pre-training)."""


@runtime_checkable
class PretrainStageConfig(Protocol):
    """The numbers that both stages have. steps: of a person. static_steps: at the start, in which
    Gaussians do not move. means_decay_steps: in which the centres' rate falls to a hundredth. late:
    a person's steps until the second decay of the rates."""

    @property
    def steps(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def degree(self) -> int: ...
    @property
    def degree_every(self) -> int: ...
    @property
    def static_steps(self) -> int: ...
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
        self.people, self.fields, self.numbers = people, fields, config
        self.person_steps, self.batch, self.density = config.steps, config.batch, config.density

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

    def moving(self, step: int) -> bool:
        """Whether Gaussians move."""
        return step >= self.numbers.static_steps

    def degree(self, step: int) -> int:
        """Of the spherical harmonics, which rises with the steps."""
        return min(self.numbers.degree, step // self.numbers.degree_every)

    def averaged(self) -> tuple[nn.Module, nn.Module]:
        return self.universal()

    def synchronized(self, person: int) -> Iterable[Tensor]:
        return self.own_field(person).parameters()

    def rng(self, person: Person, step: int, *what: str) -> Rng:
        return rng_for(
            self.people.seed, self.name, person.number, step, *what, device=person.device
        )

    def load(
        self,
        windows: Callable[[ClipDataset, range], CropWindow],
        curriculum: Callable[[Person], Curriculum],
    ) -> None:
        """Let steps take batches of each person, cut to its windows, in the order of its
        curriculum."""
        self.loaders = {
            person.number: self.load_batches(
                person, windows(person.dataset, person.train), curriculum(person).sample
            )
            for person in self.people.here
        }

    def _own_groups(self, person: Person) -> list[Group]:
        splats = gaussian_groups(
            self.gaussians(person), person.extent, self.numbers.means_decay_steps
        )
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
        return early_then_late(rate, self.numbers.late, self.person_steps)
