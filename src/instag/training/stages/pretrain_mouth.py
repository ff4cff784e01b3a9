"""Pre-training of the inside of the mouth, driven by speech and by how each face opens around it
(docs/method.md#pre-training)."""

from collections.abc import Hashable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.data.clip_dataset import ClipDataset
from instag.data.curriculum import MouthCurriculum, mouth_curriculum
from instag.models.face_field import Deformation, MotionField
from instag.models.gaussians import Gaussians
from instag.models.render_head import gaussians_drawing
from instag.training import losses
from instag.training.density_control import DensityConfig
from instag.training.losses import BackgroundColor
from instag.training.people import People, Person
from instag.training.prior_fields import PriorFields
from instag.training.schedules import Steps, Term
from instag.training.stages.hook import HookReader, read_hooks
from instag.training.stages.pretrain_stage import PretrainStage
from instag.training.stages.step import Comparison, StepInputs, StepScene
from instag.training.stages.targets import mouth_pictures
from instag.types import Rendering

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
        self.load(ClipDataset.lips_windows, self._curriculum)

    def gaussians(self, person: Person) -> Gaussians:
        return person.mouth

    def universal(self) -> tuple[nn.Module, nn.Module]:
        return self.fields.mouth_average, self.fields.mouth

    def own_field(self, person: int) -> MotionField:
        return self.fields.own_mouth(person)

    def phase(self, step: int) -> Hashable:
        config = self.config
        return config.alpha(step), config.motion(step), self.moving(step), self.degree(step)

    def deform(self, step: int, inputs: StepInputs) -> StepScene:
        config, person, frames, terms = self.config, inputs.person, inputs.frames, {}
        motion = None
        if self.moving(step):
            universal, own = self._shifts(inputs)
            motion = deformation_of(universal + own)
            if config.motion(step):
                size = universal.abs().mean() + own.abs().mean()
                terms["motion"] = config.motion(step) * size
        drawing = gaussians_drawing(
            person.mouth, motion, frames.camera, degree=self.degree(step), rigid=True
        )
        return StepScene(frames=frames, drawings=[drawing], losses=terms)

    def compare(
        self, step: int, inputs: StepInputs, scene: StepScene, renderings: list[Rendering]
    ) -> Comparison:
        config, frames, (rendering,) = self.config, scene.frames, renderings
        color = losses.background_color(config.background, self.batch, inputs.noise.plain)
        picture, target = mouth_pictures(frames, rendering, color.expand(rendering.colors.shape))
        terms = {"photometric": losses.photometric(picture, target)}
        if config.alpha(step):
            terms["alpha"] = config.alpha(step) * losses.alpha_error(
                rendering.alphas, frames.lips.float()
            )
        return Comparison(picture=picture, losses=terms)

    def _shifts(self, inputs: StepInputs) -> tuple[Float[Tensor, "b n 3"], Float[Tensor, "b n 3"]]:
        """Shifts by the universal field and by the person's own, metres; the hook of each frame is
        taken at a random rank."""
        person, field, condition = inputs.person, self.fields.mouth, inputs.frames.condition
        points = person.mouth.means.detach()
        moves = self.hooks[person.number].moves(inputs.rows, inputs.noise.plain)
        return (
            field.shift(field.encoding(points), field.speech(condition.speech), moves),
            self.own_field(person.number)(points, condition).shift,
        )

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
