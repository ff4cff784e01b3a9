"""Pre-training of the inside of the mouth, driven by speech and by how each face opens around it
(docs/method.md#pre-training)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.data.clip_dataset import ClipDataset
from instag.data.curriculum import MouthCurriculum, mouth_curriculum
from instag.data.frame_batch import FrameBatch
from instag.models.face_field import Deformation, MotionField
from instag.models.gaussians import Gaussians
from instag.training import losses
from instag.training.density_control import DensityConfig
from instag.training.losses import BackgroundColor, mean_of
from instag.training.multi_person import cat_conditions, cat_frames, render_people
from instag.training.people import People, Person
from instag.training.prior_fields import PriorFields
from instag.training.schedules import Steps, Term
from instag.training.stages.hook import HookReader, read_hooks
from instag.training.stages.pretrain_stage import PretrainStage
from instag.training.stages.stage import Step, StepOutput
from instag.training.stages.targets import mouth_pictures

WIDE_OPEN = 0.95
"""Quantile of AU25 from which a mouth counts as wide open."""


@dataclass(frozen=True, kw_only=True)
class PretrainMouthConfig:
    """Numbers of docs/method.md#pre-training; steps are frames that one person shows, or its steps
    once a recipe is batched. static_steps: steps at the start in which Gaussians do not move, and
    that take wide open mouths alone."""

    steps: Steps
    batch: int
    degree: int
    degree_every: Steps
    static_steps: Steps
    means_decay_steps: Steps
    late: Steps
    background: BackgroundColor
    curriculum_every: int
    alpha: Term
    motion: Term
    density: DensityConfig


class PretrainMouthStage(PretrainStage):
    """Trains the universal mouth field, each person's own, and the Gaussians of each mouth; the
    faces rest, their field is its average."""

    name = "mouth"

    def __init__(self, people: People, fields: PriorFields, config: PretrainMouthConfig) -> None:
        super().__init__(people, fields, config)
        self.config = config
        self.hooks = {person.number: self._hooks(person) for person in people.here}
        self.load_batches(ClipDataset.lips_windows, self._curriculum)

    def gaussians(self, person: Person) -> Gaussians:
        return person.mouth

    def universal(self) -> tuple[nn.Module, nn.Module]:
        return self.fields.mouth_average, self.fields.mouth

    def own_field(self, person: int) -> MotionField:
        return self.fields.own_mouth(person)

    def compute_losses(self, step: Step) -> StepOutput:
        config, at, people = self.config, step.person_step, step.people
        loaded = [self.loaders[person.number](at) for person in people]
        parts, rows = [frames for frames, _ in loaded], [rows for _, rows in loaded]
        shifts = self._shifts(step, parts, rows) if at >= config.static_steps else None
        motions = [deformation_of(one + own) for one, own in shifts] if shifts else None
        cameras = [part.camera for part in parts]
        rendering = render_people(
            [person.mouth for person in people],
            motions or [None] * len(people),
            cameras,
            self.people.renderer,
            degree=min(config.degree, at // config.degree_every),
            rigid=True,
        )
        frames = cat_frames(parts)
        color = self.background(step, config.background).expand(rendering.colors.shape)
        picture, target = mouth_pictures(frames, rendering, color)
        terms = {"photometric": losses.photometric(picture, target)}
        if config.alpha(at):
            terms["alpha"] = config.alpha(at) * losses.alpha_error(
                rendering.alphas, frames.lips.float()
            )
        if shifts and config.motion(at):
            sizes = [one.abs().mean() + own.abs().mean() for one, own in shifts]
            terms["motion"] = config.motion(at) * mean_of(sizes)
        return StepOutput(losses=terms, rendering=rendering, cameras=cameras, picture=picture)

    def _shifts(
        self, step: Step, parts: list[FrameBatch], rows: list[Tensor]
    ) -> list[tuple[Tensor, Tensor]]:
        """Shifts by the universal field and by each person's own, metres."""
        field, people = self.fields.mouth, step.people
        points = [person.mouth.means.detach() for person in people]
        encodings = field.encoding(torch.cat(points)).split([len(each) for each in points])
        speech = field.speech(cat_conditions([part.condition for part in parts]).speech).split(
            self.batch
        )
        return [
            (
                field.shift(encoding, codes, self._moves(step, person, here)),
                self.own_field(person.number)(where, part.condition).shift,
            )
            for person, part, where, encoding, codes, here in zip(
                people, parts, points, encodings, speech, rows, strict=True
            )
        ]

    def _moves(self, step: Step, person: Person, rows: Tensor) -> Float[Tensor, "b 3"]:
        """The hook of some of a person's frames, each at a random rank."""
        noise = self.rng(person, step.person_step, "hook").noise
        return self.hooks[person.number].moves(rows, noise)

    def _curriculum(self, person: Person) -> MouthCurriculum:
        return mouth_curriculum(
            person.dataset,
            person.train,
            wide_open=WIDE_OPEN,
            every=self.config.curriculum_every,
            wide_steps=self.config.static_steps,
            steps=self.config.steps,
            batch=self.config.batch,
        )

    @torch.no_grad()
    def _hooks(self, person: Person) -> HookReader:
        field = self.fields.face_average
        return read_hooks(field, field.features(person.face.means), person)


def deformation_of(shift: Float[Tensor, "b n 3"]) -> Deformation:
    """Shifts alone."""
    return Deformation(
        shift=shift, rotation=shift.new_zeros(*shift.shape[:2], 4), scale=torch.zeros_like(shift)
    )
