"""The crew: the people of a pre-training with what is theirs alone, and the universal fields that
they share (docs/method.md#two-acts, #networks)."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from instag.data.clip_dataset import ClipDataset
from instag.models.face_field import (
    MotionField,
    personalized_face_field,
    personalized_mouth_field,
    universal_face_field,
)
from instag.models.gaussians import Gaussians
from instag.models.mouth_field import MouthField
from instag.rendering.renderer import Renderer
from instag.training.distributed import Ranks
from instag.training.person_sampler import Rounds
from instag.training.pretraining.average import average_of
from instag.training.rng import Chance, chance
from instag.types import EXPRESSION_UNITS, Conditioning


@dataclass(frozen=True, kw_only=True)
class Person:
    """One of the people. number: among all people. train: the frames to learn from. extent: of the
    scene, metres. room: bytes of frames on the device."""

    number: int
    face: Gaussians
    mouth: Gaussians
    store: ClipDataset
    train: range
    extent: float
    room: int

    @property
    def frames(self) -> Tensor:
        """The numbers of the frames to learn from, on the device."""
        return torch.arange(self.train.start, self.train.stop, device=self.store.device)


@final
class Fields(nn.Module):
    """The universal fields of face and mouth, and the personalized ones of all people, in their
    order.

    share_speech: one speech network serves the faces of all people, and another one their mouths.
    """

    def __init__(
        self,
        *,
        people: int,
        conditioning: Conditioning,
        units: tuple[str, ...] = EXPRESSION_UNITS,
        share_speech: bool,
    ) -> None:
        super().__init__()
        self.share_speech = share_speech
        self.face = universal_face_field(conditioning, units)
        self.mouth = MouthField(conditioning)
        self.own_faces = nn.ModuleList(
            personalized_face_field(conditioning, units) for _ in range(people)
        )
        self.own_mouths = nn.ModuleList(
            personalized_mouth_field(conditioning) for _ in range(people)
        )
        if share_speech:
            for fields in (self.own_faces, self.own_mouths):
                for field in fields:
                    field.speech = fields[0].speech

    def own_face(self, person: int) -> MotionField:
        field = self.own_faces[person]
        assert isinstance(field, MotionField)
        return field

    def own_mouth(self, person: int) -> MotionField:
        field = self.own_mouths[person]
        assert isinstance(field, MotionField)
        return field

    @torch.no_grad()
    def set_level(self, level: Tensor, expression_range: Tensor) -> None:
        """Let all fields hear speech of this level, as their encoders want it, and take expressions
        within this range [2 6]."""
        for module in self.modules():
            if isinstance(module, MotionField):
                module.expression_range.copy_(
                    expression_range[:, : module.expression_range.shape[1]]
                )
            if isinstance(module, MotionField | MouthField):
                module.speech.level.copy_(level)


@final
class Crew:
    """The fields, their averages, and those of the people that this process keeps. seed: of all
    random choices."""

    def __init__(
        self,
        *,
        fields: Fields,
        people: list[Person],
        rounds: Rounds,
        ranks: Ranks,
        renderer: Renderer,
        seed: int,
    ) -> None:
        self.fields, self.people, self.rounds, self.ranks, self.renderer, self.seed = (
            fields,
            people,
            rounds,
            ranks,
            renderer,
            seed,
        )
        self.face_average, self.mouth_average = average_of(fields.face), average_of(fields.mouth)

    def here(self, numbers: list[int]) -> list[Person]:
        """Those of some people that this process keeps."""
        return [person for number in numbers for person in self.people if person.number == number]

    def parameters(self) -> list[nn.Parameter]:
        """Those of all fields, and of the Gaussians of this process' people."""
        return [
            *self.fields.parameters(),
            *(
                parameter
                for person in self.people
                for part in (person.face, person.mouth)
                for parameter in part.parameters()
            ),
        ]

    def chance(self, *what: str | int) -> Chance:
        """Random numbers that hang on no other process."""
        return chance(self.seed, *what, device=self.people[0].store.device)

    def shared_state(self) -> dict[str, Tensor]:
        """Both kinds of fields and the averages: the same in all processes."""
        parts = {
            "fields": self.fields,
            "face_average": self.face_average,
            "mouth_average": self.mouth_average,
        }
        return {
            f"{part}.{name}": value
            for part, module in parts.items()
            for name, value in module.state_dict().items()
        }

    def own_state(self) -> dict[str, Tensor]:
        """The Gaussians of this process' people."""
        sets = {
            f"{person.number}.{part}": getattr(person, part)
            for person in self.people
            for part in ("face", "mouth")
        }
        return {
            f"{whose}.{name}": value
            for whose, gaussians in sets.items()
            for name, value in gaussians.tables().items()
        }

    @torch.no_grad()
    def load(self, shared: dict[str, Tensor], own: dict[str, Tensor]) -> None:
        """The inverse of both states, from any device; numbers of Gaussians may differ."""
        for part, module in (
            ("fields", self.fields),
            ("face_average", self.face_average),
            ("mouth_average", self.mouth_average),
        ):
            module.load_state_dict(
                {
                    name.removeprefix(f"{part}."): value
                    for name, value in shared.items()
                    if name.startswith(f"{part}.")
                }
            )
        for person in self.people:
            for part, gaussians in (("face", person.face), ("mouth", person.mouth)):
                for name, old in list(gaussians.named_parameters()):
                    setattr(
                        gaussians, name, nn.Parameter(own[f"{person.number}.{part}.{name}"].to(old))
                    )
