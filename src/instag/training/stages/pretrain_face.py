"""Pre-training of the face: universal and personalized fields move the Gaussians of several people
at once (docs/method.md#pre-training)."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from instag.data.clip_dataset import ClipDataset
from instag.data.curriculum import FaceCurriculum, face_curriculum
from instag.data.frame_batch import FrameBatch
from instag.models.conditioning_encoders import SpeechEncoder
from instag.models.face_field import SHIFT_UNIT, MotionField
from instag.models.gaussians import Gaussians
from instag.training import losses
from instag.training.density_control import DensityConfig
from instag.training.losses import BackgroundColor, mean_of
from instag.training.multi_person import cat_frames, render_people
from instag.training.people import People, Person
from instag.training.prior_fields import PriorFields
from instag.training.schedules import Steps, Term
from instag.training.stages.deform_people import PersonDeformation, Query, deform_people
from instag.training.stages.pretrain_stage import PretrainStage
from instag.training.stages.stage import Step, StepOutput
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
        self.load_batches(ClipDataset.head_windows, self._curriculum)

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

    def compute_losses(self, step: Step) -> StepOutput:
        config, at, people = self.config, step.person_step, step.people
        parts = [self._frames(at, person) for person in people]
        taught = [self._landmark_batch(at, person) for person in people if config.landmarks(at)]
        moving = at >= config.static_steps
        deformed = (
            self._deform(people, parts, taught, mean=moving and config.mean_motion(at) > 0)
            if moving or taught
            else None
        )
        cameras = [part.camera for part in parts]
        watched = deformed if config.lips_attention(at) else None
        rendering = render_people(
            [person.face for person in people],
            [each.motion for each in deformed] if moving and deformed else [None] * len(people),
            cameras,
            self.people.renderer,
            degree=min(config.degree, at // config.degree_every),
            attention=[each.attention for each in watched] if watched else None,
        )
        picture, terms = self._picture_losses(step, cat_frames(parts), rendering)
        if moving and deformed:
            terms |= self._motion_losses(step, parts, deformed)
        if taught and deformed:
            terms |= self._landmark_losses(at, taught, deformed)
        return StepOutput(losses=terms, rendering=rendering, cameras=cameras, picture=picture)

    def _frames(self, step: int, person: Person) -> FrameBatch:
        frames, _ = self.loaders[person.number](step)
        if person.expressions is None or not self.config.closed_lids:
            return frames
        choice = self.rng(person, step, "lids").choice
        closing = drawn_closing(self.config.closed_lids, len(frames.indices), choice)
        return person.expressions.lids.close_some(frames, closing)

    def _deform(
        self,
        people: list[Person],
        parts: list[FrameBatch],
        taught: list[LandmarkBatch],
        *,
        mean: bool,
    ) -> list[PersonDeformation]:
        """mean: also under each person's mean condition."""
        queries = [
            Query(
                centres=person.face.means.detach(),
                own=self.own_field(person.number),
                condition=part.condition,
                mean=self.means[person.number] if mean else None,
                landmarks=taught[place] if taught else None,
            )
            for place, (person, part) in enumerate(zip(people, parts, strict=True))
        ]
        return deform_people(self.fields.face, queries)

    def _picture_losses(
        self, step: Step, frames: FrameBatch, rendering: Rendering
    ) -> tuple[Tensor, dict[str, Tensor]]:
        config, at = self.config, step.person_step
        hair = at < config.static_steps or at % config.hair_every == 0
        color = self.background(step, config.background)
        picture, target = head_pictures(
            frames, rendering.colors, rendering.alphas, color, hair=hair
        )
        terms = {"photometric": losses.photometric(picture, target)}
        if config.alpha(at):
            terms["alpha"] = config.alpha(at) * losses.alpha_error(
                rendering.alphas, frames.head_alpha()
            )
        if config.lips_attention(at):
            expression = rendering.detached[..., 1] + rendering.detached[..., 3]
            terms["lips_attention"] = config.lips_attention(at) * losses.within_each(
                expression, frames.lips
            )
        if config.hair_attention(at) and hair:
            terms["hair_attention"] = config.hair_attention(at) * losses.within_each(
                rendering.detached.sum(-1), frames.is_region(Region.HAIR)
            )
        return picture, terms

    def _motion_losses(
        self, step: Step, parts: list[FrameBatch], deformed: list[PersonDeformation]
    ) -> dict[str, Tensor]:
        config, at, terms = self.config, step.person_step, {}
        if config.motion(at):
            sizes = [
                losses.motion_size(each.universal) + losses.motion_size(each.own)
                for each in deformed
            ]
            terms["motion"] = config.motion(at) * mean_of(sizes)
        if config.mean_motion(at):
            sizes = [
                losses.motion_size(replace(motion, shift=motion.shift / SHIFT_UNIT))
                for each in deformed
                for motion in each.mean
            ]
            terms["mean_motion"] = config.mean_motion(at) * mean_of(sizes)
        if config.contrast(at) and self.people.sampler.people > 1:
            agreed = [
                self._contrast(at, person, part.condition, each)
                for person, part, each in zip(step.people, parts, deformed, strict=True)
            ]
            terms["contrast"] = config.contrast(at) * mean_of(agreed)
        return terms

    def _landmark_losses(
        self, step: int, taught: list[LandmarkBatch], deformed: list[PersonDeformation]
    ) -> dict[str, Tensor]:
        """Both fields together move landmarks as was seen; what was not seen is the same in all
        people, and so the universal field's part."""
        weight = self.config.landmarks(step)
        terms = {"landmarks": weight * landmark_error(taught, deformed) / SHIFT_UNIT}
        if not self.config.expressions:
            return terms
        none = deformed[0].universal.shift.new_zeros(())
        errors = [
            none
            if batch.expressions is None or each.universal_landmarks is None
            else batch.expressions.error(each.universal_landmarks)
            for each, batch in zip(deformed, taught, strict=True)
        ]
        return terms | {"expressions": weight * mean_of(errors)}

    def _contrast(
        self, step: int, person: Person, condition: Condition, deformed: PersonDeformation
    ) -> Tensor:
        """How far a person's own field agrees with those of all others, estimated from some."""
        config, everyone = self.config, self.people.sampler.people
        choice = self.rng(person, step, "rivals").choice
        others = [other for other in range(everyone) if other != person.number]
        order = torch.randperm(len(others), generator=choice)[: config.rivals]
        rivals = [self.own_field(others[place]) for place in order.tolist()]
        some = slice(config.contrast_frames)
        total = losses.negative_contrast(
            deformed.own.shift[some],
            rivals,
            person.face.means.detach(),
            Condition(speech=condition.speech[some], expression=condition.expression[some]),
        )
        return total * (everyone - 1) / len(rivals)

    def _landmark_batch(self, step: int, person: Person) -> LandmarkBatch:
        """Some landmarks in many frames, most of them in other voices."""
        config, landmarks = self.config, person.landmarks
        noise = self.rng(person, step, "lesson").noise
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
        labeler, centres = ExpressionLabeler(flow=person.expressions.flow), person.face.means
        return acted(batch, labeler, count, centres.detach(), noise)


def landmark_error(taught: list[LandmarkBatch], deformed: list[PersonDeformation]) -> Tensor:
    """How far the landmarks of several people are from where they should be, metres."""
    errors = [
        (each.landmarks[: len(batch.shift), : batch.shift.shape[1], :2] - batch.shift).abs().mean()
        for each, batch in zip(deformed, taught, strict=True)
        if each.landmarks is not None
    ]
    return mean_of(errors)


def mean_condition(person: Person) -> Condition:
    """The mean of a person's speech and expression, as one frame."""
    some = slice(person.train.start, person.train.stop)
    speech, expression = (
        person.dataset.features[some].mean(0),
        person.dataset.expression[some].mean(0),
    )
    return Condition(speech=speech.expand(1, WINDOWS, -1, -1), expression=expression[None])
