"""The face stage: the outside of the head, everything else painted over
(docs/method.md#pre-training, #adaptation)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from instag.data.batch_loader import BatchLoader
from instag.data.clip_dataset import HEAD_LABELS, FrameBatch
from instag.data.curriculum import SlidingWindow, choose, sliding
from instag.models.face_field import SHIFT_UNIT, Deformation
from instag.models.head import PointFeatures
from instag.models.render_head import FaceRendering, render_face
from instag.rendering import compositing
from instag.training import losses
from instag.training.density_control import DensitySettings
from instag.training.optimizer import Group
from instag.training.patches import perceptual
from instag.training.rng import Chance
from instag.training.schedules import Active, After, Steps, Term, WholeSteps, decay
from instag.training.screen import Screen, screen_colour
from instag.training.stages.stage import Shown, Stage, field_groups, gaussian_groups
from instag.training.subject import Subject
from instag.training.supervision.expressions import Acted, ExpressionTeacher
from instag.training.supervision.landmarks import (
    CodeTeacher,
    SpeechTeacher,
    Teacher,
    drawn,
    lesson_odds,
    spoken_codes,
)
from instag.training.supervision.prior_teacher import fit_prior_map
from instag.training.supervision.ridge_teacher import fit_speech_map
from instag.types import BLINK, SAMPLES, Condition, Region

PLAIN_SHARE = 0.2
"""Of the frames whose landmarks teach the field: those that are heard as they are."""


@dataclass(frozen=True, kw_only=True)
class FaceSettings:
    """Numbers of docs/method.md#adaptation; steps are those of this stage.

    field_rate: factor on the rates of the field's networks, which all but rest after field_settles
    steps, however long the stage. landmarks: the field's shifts of some landmarks against the seen
    ones, in landmark_frames frames for each frame painted. expressions: the share of those frames
    that are asked about twice, the second time with a made-up expression; 0 if the head is not to
    learn expressions that were not seen. hair_every: the hair is compared in each such step after
    the warm-up and painted over else. lips: a further L1 within the lips box.
    """

    steps: Steps
    batch: int
    degree: int
    degree_every: Steps
    warm_up: Steps
    field_rate: float
    field_settles: WholeSteps
    field_rate_decay: float
    gentle_steps: Steps
    aligner_after: Steps
    alpha: Term
    motion: Term
    offset: Term
    lips_attention: Term
    hair_attention: Term
    normals: Term
    depth: Term
    depth_pause: Steps
    lpips: Term
    lpips_patch: tuple[int, int]
    pose_rate: float
    pose_after: Steps
    hair_every: int
    screen: Screen
    lips: Term
    landmarks: Term
    landmark_frames: int
    landmark_points: int
    expressions: float
    density: DensitySettings


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """Where points of the face, metres, should be shifted to when the field hears this.

    shift: of the first p points in the first f frames. acted: how the last frames differ from as
    many before them, which hear the same.
    """

    points: Float[Tensor, "q 3"]
    heard: Condition
    shift: Float[Tensor, "f p 2"]
    acted: Acted | None


class FaceStage(Stage):
    """Trains the face's Gaussians, its field, its aligner and the poses."""

    name = "face"

    def __init__(self, subject: Subject, settings: FaceSettings) -> None:
        self.subject, self.settings, self.gaussians = subject, settings, subject.head.face.gaussians
        self.steps, self.batch, self.density = settings.steps, settings.batch, settings.density
        store, train = subject.store, subject.train
        windows = store.windows_around(store.boxes(train, *HEAD_LABELS), store.size // 20)
        self.supply = BatchLoader(store, train, windows, self._draw)
        self.speech = store.condition(subject.frames).speech
        self.teacher = self._teacher()
        self.expressions = (
            None if subject.expressions is None else ExpressionTeacher(flow=subject.expressions)
        )
        opening, blink = (
            store.mouth_opening()[train.start : train.stop],
            store.unit(BLINK)[train.start : train.stop],
        )
        self.open_mouths, self.blinks = (
            sliding(opening, every=15),
            sliding((blink / 2).clamp(0, 1).cpu(), every=15),
        )
        self.odds = lesson_odds(blink)
        self.surface: Active = After(
            min(
                (
                    term.active.start
                    for term in (settings.normals, settings.depth)
                    if isinstance(term.active, After)
                ),
                default=0,
            )
        )

    def groups(self) -> list[Group]:
        settings, field, aligner = (
            self.settings,
            self.subject.head.face.field,
            self.subject.head.face.aligner,
        )
        falling = lambda rate: decay(
            rate, settings.field_rate_decay, self.steps, gentle_steps=settings.gentle_steps
        )
        return [
            *gaussian_groups(self.gaussians, self.subject.extent, self.steps),
            *field_groups(
                field, falling, factor=settings.field_rate, settle=settings.field_settles
            ),
            Group(
                name="aligner.encoding",
                parameters=dict(aligner.encoding.named_parameters()),
                rate=decay(1e-3 / 2, settings.field_rate_decay, self.steps),
            ),
            Group(
                name="aligner.network",
                parameters=dict(aligner.network.named_parameters()),
                rate=decay(1e-4 / 2, settings.field_rate_decay, self.steps),
            ),
            Group(
                name="poses",
                parameters=dict(self.subject.poses.named_parameters()),
                rate=lambda step: (
                    settings.pose_rate * 0.1 ** (step / self.steps)
                    if step >= settings.pose_after
                    else 0.0
                ),
            ),
        ]

    def lose(self, step: int) -> tuple[dict[str, Tensor], Shown]:
        settings, subject = self.settings, self.subject
        chance = subject.chance(self.name, step)
        with_surface = self.surface(step) and settings.normals.weight + settings.depth.weight > 0
        frames, rows = self.supply(step, surface=with_surface)
        camera = (
            subject.poses(frames.camera, rows) if step >= settings.pose_after else frames.camera
        )
        lesson = self._lesson(chance) if settings.landmarks(step) else None
        point_features, motion, answer = self._move(
            frames.condition, lesson, aligned=step >= settings.aligner_after
        )
        look = render_face(
            subject.head.face,
            point_features,
            motion,
            camera,
            subject.renderer,
            degree=min(settings.degree, step // settings.degree_every),
            normals=with_surface and settings.normals(step) > 0,
            attention=settings.lips_attention(step) > 0,
        )
        terms = self._picture_terms(step, frames, look, chance) | self._motion_terms(
            step, frames, look
        )
        if with_surface:
            terms |= self._surface_terms(step, frames, look)
        if lesson is not None and answer is not None:
            frames, points = lesson.shift.shape[:2]
            terms["landmarks"] = (
                settings.landmarks(step)
                * (answer.shift[:frames, :points, :2] - lesson.shift).abs().mean()
                / SHIFT_UNIT
            )
            if lesson.acted is not None:
                terms["expressions"] = settings.landmarks(step) * lesson.acted.missed(answer)
        return terms, Shown(rendering=look.rendering, camera=camera, picture=subject.store.size)

    def _draw(self, step: int) -> list[int]:
        warm = step < self.settings.warm_up
        span = self.settings.warm_up if warm else self.steps - self.settings.warm_up
        progress = (step if warm else step - self.settings.warm_up) / max(1, span)
        window: SlidingWindow = self.open_mouths if warm else self.blinks
        drawn = self.subject.chance(self.name, step, "frames").choice
        return choose(
            window,
            step=step,
            progress=progress,
            count=self.batch,
            frames=len(self.subject.train),
            generator=drawn,
        )

    def _picture_terms(
        self, step: int, frames: FrameBatch, look: FaceRendering, chance: Chance
    ) -> dict[str, Tensor]:
        settings = self.settings
        without_hair = step >= settings.warm_up and step % settings.hair_every != 0
        paint = screen_colour(settings.screen, self.batch, chance.noise).expand(look.rgb.shape)
        target = frames.head_over(paint, hair=not without_hair)
        picture = compositing.over(look.rgb, look.rendering.alphas, paint)
        if without_hair:
            picture = torch.where(frames.is_hair()[..., None], paint, picture)
        terms = {"photometric": losses.photometric(picture, target)}
        if settings.lips(step):
            terms["lips"] = settings.lips(step) * losses.within(
                (picture - target).abs().mean(-1), frames.lips
            )
        if settings.alpha(step):
            terms["alpha"] = settings.alpha(step) * losses.alpha_error(
                look.rendering.alphas, frames.head_alpha()
            )
        if self.subject.lpips is not None and settings.lpips(step):
            without_lips = lambda image: torch.where(frames.lips[..., None], paint, image)  # noqa: E731
            distance = perceptual(
                self.subject.lpips,
                without_lips(picture),
                without_lips(target),
                settings.lpips_patch,
                chance.choice,
            )
            terms["lpips"] = settings.lpips(step) * distance
        return terms

    def _motion_terms(
        self, step: int, frames: FrameBatch, look: FaceRendering
    ) -> dict[str, Tensor]:
        settings, terms = self.settings, {}
        if settings.motion(step):
            terms["motion"] = settings.motion(step) * losses.motion_size(look.motion)
        if settings.offset(step):
            terms["offset"] = settings.offset(step) * look.point_features.offset.abs().mean()
        if settings.lips_attention(step):
            terms["lips_attention"] = settings.lips_attention(step) * losses.within(
                look.attention[..., 1], frames.lips
            )
            terms["hair_attention"] = settings.hair_attention(step) * losses.within(
                look.attention.sum(-1), frames.is_region(Region.HAIR)
            )
        return terms

    def _move(
        self, condition: Condition, lesson: Lesson | None, *, aligned: bool
    ) -> tuple[PointFeatures, Deformation, Deformation | None]:
        """Bearings and motion of the Gaussians, and the motion of the lesson's points; the field is
        asked about all of them at once."""
        face = self.subject.head.face
        points, count, frames = (
            self.gaussians.means.detach(),
            len(self.gaussians),
            len(condition.speech),
        )
        if lesson is None:
            point_features = face.point_features_at(points, aligned=aligned)
            return point_features, face.motion(point_features, condition), None
        every = face.point_features_at(torch.cat([points, lesson.points]), aligned=aligned)
        speech, expression = (
            torch.cat(pair)
            for pair in (
                (condition.speech, lesson.heard.speech),
                (condition.expression, lesson.heard.expression),
            )
        )
        heard = face.encode_conditioning(Condition(speech=speech, expression=expression))
        point_features, of_points = every.split(count, len(lesson.points))
        in_frames, in_lesson = heard.split([frames, len(heard) - frames])
        return (
            point_features,
            face.deform(point_features, in_frames),
            face.deform(of_points, in_lesson),
        )

    def _teacher(self) -> Teacher:
        store, codes, train = self.subject.store, self.subject.codes, self.subject.train
        if codes is not None and self.subject.voice is not None:
            spoken = spoken_codes(
                torch.from_numpy(store.clip.speech())[train.start * SAMPLES : train.stop * SAMPLES],
                self.subject.voice,
            )
            spread = codes.code[train.start : train.stop].std(0)
            return CodeTeacher(
                motion=store.landmark_motion,
                codes=codes,
                spread=spread,
                spoken=spoken.to(store.device),
            )
        silence = store.silence()
        if self.subject.prior is not None:
            expression = store.expression[train.start : train.stop]
            speech_map = fit_prior_map(
                self.subject.prior.face, self.speech, store.landmark_motion, train, expression
            )
        else:
            level = self.subject.head.face.field.speech.level
            speech_map = fit_speech_map(
                self.speech, store.landmark_motion, train, level=level, silence=silence
            )
        return SpeechTeacher(motion=store.landmark_motion, speech_map=speech_map, silence=silence)

    def _lesson(self, chance: Chance) -> Lesson:
        """Some landmarks in many frames, some of them as they are, the others made up by the
        teacher."""
        settings, store = self.settings, self.subject.store
        motion, count = store.landmark_motion, settings.landmark_frames * self.batch
        acting = round(count * settings.expressions) if self.expressions is not None else 0
        count = count - acting
        rows = drawn(self.odds, count, chance.noise)
        points = torch.randperm(len(motion.points), generator=chance.noise, device=store.device)[
            : settings.landmark_points
        ]
        frames, speech = rows + self.subject.train.start, self.speech[rows]
        as_seen = motion.shift[frames]
        plain = round(count * PLAIN_SHARE)
        taught = self.teacher.make_up(speech[plain:], as_seen[plain:], chance.noise)
        heard = Condition(
            speech=torch.cat([speech[:plain], taught.heard]), expression=store.expression[frames]
        )
        lesson = Lesson(
            points=motion.points[points],
            heard=heard,
            shift=torch.cat([as_seen[:plain], taught.shift])[:, points],
            acted=None,
        )
        if self.expressions is None:
            return lesson
        places = torch.cat(
            [lesson.points, self.expressions.places(self.gaussians.means.detach(), chance.noise)]
        )
        acted = self.expressions.make_up(places, heard.expression[count - acting :], chance.noise)
        again = Condition(
            speech=torch.cat([heard.speech, heard.speech[count - acting :]]),
            expression=torch.cat([heard.expression, acted.expression]),
        )
        return Lesson(points=places, heard=again, shift=lesson.shift, acted=acted)

    def _surface_terms(
        self, step: int, frames: FrameBatch, look: FaceRendering
    ) -> dict[str, Tensor]:
        settings = self.settings
        assert frames.normal is not None
        assert frames.depth is not None
        assert frames.surface_valid is not None
        # The tracked mesh knows the skin alone; hair has no prior in it.
        known = frames.surface_valid & frames.is_region(Region.FACE)
        terms = {}
        if settings.normals(step):
            terms["normals"] = settings.normals(step) * losses.normal_agreement(
                look.normals, frames.normal, known
            )
        if settings.depth(step) and not self._after_reset(step):
            terms["depth"] = settings.depth(step) * losses.depth_agreement(
                look.rendering.depths, frames.depth, known
            )
        return terms

    def _after_reset(self, step: int) -> bool:
        every = self.settings.density.reset_every
        return (
            every is not None
            and self.settings.density.end > step >= every
            and step % every < self.settings.depth_pause
        )
