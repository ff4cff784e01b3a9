"""AdaptStage: what the three stages of one head's training have in common."""

from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch

from instag.data.batch_loader import BatchLoader
from instag.data.frame_batch import CropWindow
from instag.models.gaussians import Gaussians
from instag.models.head import Head
from instag.ops.perceptual import PerceptualDistance
from instag.training.density_control import DensityConfig
from instag.training.people import People, Person
from instag.training.rng import Rng, rng_for
from instag.training.stages.stage import Stage


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


class AdaptStage(Stage, ABC):
    """A stage that trains parts of one head, in `steps` steps."""

    def __init__(
        self, training: HeadTraining, *, steps: int, batch: int, density: DensityConfig | None
    ) -> None:
        self.training, self.head, self.person = training, training.head, training.person
        self.people, self.perceptual = training.people, training.perceptual
        self.person_steps, self.batch, self.density = steps, batch, density

    @property
    def loader(self) -> BatchLoader:
        """The batches of the head."""
        return self.loaders[self.person.number]

    def load(
        self, windows: CropWindow, sample: Callable[[int, torch.Generator], list[int]]
    ) -> None:
        """Let steps take batches that are cut to windows. sample: rows of a step."""
        self.loaders = {self.person.number: self.load_batches(self.person, windows, sample)}

    def gaussians(self, person: Person) -> Gaussians:
        return person.face

    def rng(self, person: Person, step: int, *what: str) -> Rng:
        return rng_for(self.people.seed, self.name, step, *what, device=person.device)

    def density_rng(self, person: Person, step: int) -> Rng:
        return self.rng(person, step + 1, "density")
