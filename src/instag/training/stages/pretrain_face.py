"""Pre-training of the face: the universal field and each person's own move its Gaussians
(docs/method.md#pre-training)."""

from collections.abc import Hashable
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from instag.data.clip_dataset import ClipDataset
from instag.data.curriculum import FaceCurriculum, face_curriculum
from instag.models.conditioning_encoders import SpeechEncoder
from instag.models.face_field import SHIFT_UNIT, MotionField
from instag.models.gaussians import Gaussians
from instag.models.render_head import gaussians_drawing
from instag.ops.tensor_lists import copy_each
from instag.training import losses
from instag.training.density_control import DensityConfig
from instag.training.losses import BackgroundColor, mean_of
from instag.training.people import People, Person
from instag.training.prior_fields import PriorFields
from instag.training.schedules import Steps, Term
from instag.training.stages.person_deformation import PersonDeformation, deform_person
from instag.training.stages.pretrain_stage import PretrainStage
from instag.training.stages.step import Comparison, HostChoices, StepInputs, StepScene
from instag.training.stages.targets import head_pictures
from instag.training.supervision.closed_lids import drawn_closing
from instag.training.supervision.expressions import ExpressionLabeler
from instag.training.supervision.landmarks import (
    LandmarkBatch,
    acted,
    frame_cdf,
    sample_frames,
    sample_points,
)
from instag.training.supervision.speech_augmentation import augment_voice
from instag.types import BLINK, WINDOWS, Condition, Region, Rendering


@dataclass(frozen=True, kw_only=True)
class PretrainFaceConfig:
    """Numbers of docs/method.md#pre-training; steps are frames that one person shows, or its steps
    once a recipe is batched.

    static_steps: steps at the start in which Gaussians do not move, and that take frames by how
    open the mouth is, later ones by how closed the eyes are. means_decay_steps: in which the
    centres' rate falls to a hundredth. late: steps until the second decay of the rates. rivals: of
    how many others the contrast takes account at once, in contrast_frames frames. landmark_frames:
    for each frame rendered. expressions: the share of those that are taken twice, the second time
    with an expression that was not seen. closed_lids: the share of the frames rendered whose lids
    are closed in the picture. mean_motion: of what fields move under a person's mean condition:
    that belongs into the Gaussians.
    """

    steps: Steps
    batch: int
    degree: int
    degree_every: Steps
    static_steps: Steps
    means_decay_steps: Steps
    late: Steps
    background: BackgroundColor
    hair_every: int
    alpha: Term
    motion: Term
    mean_motion: Term
    lips_attention: Term
    hair_attention: Term
    contrast: Term
    rivals: int
    contrast_frames: int
    landmarks: Term
    landmark_frames: int
    landmark_points: int
    expressions: float
    closed_lids: float
    density: DensityConfig


class PretrainFaceStage(PretrainStage):
    """Trains the universal face field, each person's own, and the Gaussians of each face."""

    name = "face"

    def __init__(self, people: People, fields: PriorFields, config: PretrainFaceConfig) -> None:
        super().__init__(people, fields, config)
        self.config = config
        self.cdfs = {
            person.number: frame_cdf(
                person.dataset.unit(BLINK)[person.train.start : person.train.stop]
            )
            for person in people.here
        }
        self.means = {person.number: mean_condition(person) for person in people.here}
        self.load(ClipDataset.head_windows, self._curriculum)
        rivals = min(config.rivals, people.sampler.people - 1)
        self._rivals = [deepcopy(self.own_field(0)) for _ in range(rivals)]

    def _curriculum(self, person: Person) -> FaceCurriculum:
        return face_curriculum(
            person.dataset,
            person.train,
            opening_steps=self.config.static_steps,
            steps=self.config.steps,
            batch=self.config.batch,
        )

    def gaussians(self, person: Person) -> Gaussians:
        return person.face

    def universal(self) -> tuple[nn.Module, nn.Module]:
        return self.fields.face_average, self.fields.face

    def own_field(self, person: int) -> MotionField:
        return self.fields.own_face(person)

    def phase(self, step: int) -> Hashable:
        config = self.config
        terms = (config.alpha, config.motion, config.mean_motion, config.lips_attention)
        more = (config.hair_attention, config.contrast, config.landmarks)
        return (
            tuple(term(step) for term in (*terms, *more)),
            self.moving(step),
            self._shows_hair(step),
            self.degree(step),
        )

    def choices(self, person: Person, step: int) -> HostChoices:
        config = self.config
        if self.moving(step) and config.contrast(step):
            self._seat_rivals(person, self.rng(person, step, "rivals").choice)
        if person.expressions is None or not config.closed_lids:
            return HostChoices()
        choice = self.rng(person, step, "lids").choice
        return HostChoices(closing=drawn_closing(config.closed_lids, self.batch, choice))

    def deform(self, step: int, inputs: StepInputs) -> StepScene:
        config, person, frames = self.config, inputs.person, inputs.frames
        moving, terms, deformed = self.moving(step), {}, None
        taught = (
            self._landmark_batch(person, inputs.noise.plain) if config.landmarks(step) else None
        )
        if moving or taught is not None:
            deformed = deform_person(
                self.fields.face,
                self.own_field(person.number),
                person.face.means.detach(),
                frames.condition,
                mean=self.means[person.number] if moving and config.mean_motion(step) else None,
                landmarks=taught,
            )
            if moving:
                terms |= self._motion_losses(step, inputs, deformed)
            if taught is not None:
                terms |= self._landmark_losses(step, taught, deformed)
        drawing = gaussians_drawing(
            person.face,
            deformed.motion if moving and deformed else None,
            frames.camera,
            degree=self.degree(step),
            attention=deformed.attention if deformed and config.lips_attention(step) else None,
        )
        return StepScene(frames=frames, drawings=[drawing], losses=terms)

    def compare(
        self, step: int, inputs: StepInputs, scene: StepScene, renderings: list[Rendering]
    ) -> Comparison:
        config, frames, (rendering,) = self.config, scene.frames, renderings
        hair, terms = self._shows_hair(step), {}
        color = losses.background_color(config.background, self.batch, inputs.noise.plain)
        picture, target = head_pictures(
            frames, rendering.colors, rendering.alphas, color, hair=hair
        )
        terms["photometric"] = losses.photometric(picture, target)
        if config.alpha(step):
            terms["alpha"] = config.alpha(step) * losses.alpha_error(
                rendering.alphas, frames.head_alpha()
            )
        if config.lips_attention(step):
            expression = rendering.detached[..., 1] + rendering.detached[..., 3]
            terms["lips_attention"] = config.lips_attention(step) * losses.within_each(
                expression, frames.lips
            )
        if config.hair_attention(step) and hair:
            terms["hair_attention"] = config.hair_attention(step) * losses.within_each(
                rendering.detached.sum(-1), frames.is_region(Region.HAIR)
            )
        return Comparison(picture=picture, losses=terms)

    def _shows_hair(self, step: int) -> bool:
        return not self.moving(step) or step % self.config.hair_every == 0

    def _seat_rivals(self, person: Person, choice: torch.Generator) -> None:
        """Let others of the people be the rivals of a step, which recorded steps read in one
        place."""
        others = [each for each in range(self.people.sampler.people) if each != person.number]
        order = torch.randperm(len(others), generator=choice)[: len(self._rivals)]
        for place, seat in zip(order.tolist(), self._rivals, strict=True):
            copy_parameters(self.own_field(others[place]), seat)

    def _motion_losses(
        self, step: int, inputs: StepInputs, deformed: PersonDeformation
    ) -> dict[str, Tensor]:
        config, terms = self.config, {}
        if config.motion(step):
            size = losses.motion_size(deformed.universal) + losses.motion_size(deformed.own)
            terms["motion"] = config.motion(step) * size
        if config.mean_motion(step):
            sizes = [
                losses.motion_size(replace(motion, shift=motion.shift / SHIFT_UNIT))
                for motion in deformed.mean
            ]
            terms["mean_motion"] = config.mean_motion(step) * mean_of(sizes)
        if config.contrast(step) and self._rivals:
            terms["contrast"] = config.contrast(step) * self._contrast(inputs, deformed)
        return terms

    def _landmark_losses(
        self, step: int, taught: LandmarkBatch, deformed: PersonDeformation
    ) -> dict[str, Tensor]:
        """Both fields together move landmarks as was seen; what was not seen is the same in all
        people, and so the universal field's part."""
        assert deformed.landmarks is not None
        assert deformed.universal_landmarks is not None
        weight = self.config.landmarks(step)
        terms = {"landmarks": weight * taught.error(deformed.landmarks) / SHIFT_UNIT}
        if taught.expressions is not None:
            terms["expressions"] = weight * taught.expressions.error(deformed.universal_landmarks)
        return terms

    def _contrast(self, inputs: StepInputs, deformed: PersonDeformation) -> Tensor:
        """How far a person's own field agrees with those of all others, estimated from some."""
        some, condition = slice(self.config.contrast_frames), inputs.frames.condition
        total = losses.negative_contrast(
            deformed.own.shift[some],
            self._rivals,
            inputs.person.face.means.detach(),
            Condition(speech=condition.speech[some], expression=condition.expression[some]),
        )
        return total * (self.people.sampler.people - 1) / len(self._rivals)

    def _landmark_batch(self, person: Person, noise: torch.Generator) -> LandmarkBatch:
        """Some landmarks in many frames, most of them in other voices."""
        config, landmarks = self.config, person.landmarks
        frames = person.train.start + sample_frames(
            self.cdfs[person.number], config.landmark_frames * self.batch, noise
        )
        points = sample_points(landmarks, config.landmark_points, noise)
        condition, encoder = person.dataset.condition(frames), self.fields.face.speech
        # Lip codes have no voice: they say what is seen.
        if isinstance(encoder, SpeechEncoder):
            speech = augment_voice(condition.speech, encoder.level, noise)
            condition = replace(condition, speech=speech)
        batch = LandmarkBatch(
            points=landmarks.points[points],
            condition=condition,
            shift=landmarks.shift[frames[:, None], points],
        )
        count = round(len(frames) * config.expressions)
        if person.expressions is None or not count:
            return batch
        labeler, centers = ExpressionLabeler(flow=person.expressions.flow), person.face.means
        return acted(batch, labeler, count, centers.detach(), noise)


@torch.no_grad()
def copy_parameters(source: nn.Module, target: nn.Module) -> None:
    """Give a module the values of another one of its kind."""
    copy_each(target.parameters(), source.parameters())


def mean_condition(person: Person) -> Condition:
    """The mean of a person's speech and expression, as one frame."""
    some = slice(person.train.start, person.train.stop)
    speech, expression = (
        person.dataset.features[some].mean(0),
        person.dataset.expression[some].mean(0),
    )
    return Condition(speech=speech.expand(1, WINDOWS, -1, -1), expression=expression[None])
