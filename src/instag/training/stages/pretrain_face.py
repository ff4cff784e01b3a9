"""Pre-training of the face: universal and personalized fields move the Gaussians of several people
at once (docs/method.md#pre-training)."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.data.clip_dataset import HEAD_LABELS, FrameBatch
from instag.data.curriculum import SlidingWindow, choose, sliding
from instag.models.conditioning_encoders import SpeechEncoder
from instag.models.face_field import SHIFT_UNIT, Deformation, MotionField
from instag.models.gaussians import Gaussians
from instag.rendering import compositing
from instag.training import losses
from instag.training.density_control import DensitySettings
from instag.training.multi_person import joined_conditions, joined_frames, render_people
from instag.training.people import Crew, Person
from instag.training.pretraining.contrast import contrast, drawn_rivals
from instag.training.pretraining.voices import other_voices
from instag.training.pretraining.work import (
    Shown,
    Work,
    batch_loaders,
    mean_of,
    same_size,
    within_each,
)
from instag.training.schedules import Steps, Term
from instag.training.screen import Screen, screen_colour
from instag.training.supervision.landmarks import drawn, lesson_odds
from instag.types import BLINK, WINDOWS, Condition, Region

CURRICULUM_EVERY = 15


@dataclass(frozen=True, kw_only=True)
class FaceCourse:
    """Numbers of docs/method.md#pre-training; steps are frames that one person shows, or its turns
    once a course is batched.

    centre_steps: in which the centres' rate falls to a hundredth. late: steps until the second
    decay of the rates. rivals: of how many others the contrast takes account at once, in
    contrast_frames frames. landmark_frames: for each frame painted. usual: of what fields move when
    all is as usual: that belongs into the Gaussians.
    """

    steps: Steps
    batch: int
    degree: int
    degree_every: Steps
    warm_up: Steps
    centre_steps: Steps
    late: Steps
    screen: Screen
    hair_every: int
    alpha: Term
    motion: Term
    usual: Term
    lips_attention: Term
    hair_attention: Term
    contrast: Term
    rivals: int
    contrast_frames: int
    landmarks: Term
    landmark_frames: int
    landmark_points: int
    density: DensitySettings


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """Where points of a face, metres, are seen to be shifted in some frames."""

    points: Float[Tensor, "p 3"]
    heard: Condition
    shift: Float[Tensor, "f p 2"]


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A person's Gaussians and the points of its lesson, moved. usual: by each field, where all is
    as usual, if that counts. attention: of both fields, at the Gaussians. answer: shifts of the
    lesson's points."""

    universal: Deformation
    own: Deformation
    usual: list[Deformation]
    attention: Float[Tensor, "n 4"]
    answer: Float[Tensor, "f p 3"] | None

    @property
    def motion(self) -> Deformation:
        """What both fields make together."""
        return Deformation(
            shift=self.universal.shift + self.own.shift,
            rotation=self.universal.rotation + self.own.rotation,
            scale=self.universal.scale + self.own.scale,
        )


class FaceWork(Work):
    """Trains the universal face field, each person's own, and the Gaussians of each face."""

    name = "face"

    def __init__(self, crew: Crew, course: FaceCourse) -> None:
        self.crew, self.course = crew, course
        self.turns, self.batch, self.density = course.steps, course.batch, course.density
        self.centre_steps, self.late = course.centre_steps, course.late
        found, self.open_mouths, self.blinks, self.odds, self.usual = {}, {}, {}, {}, {}
        for person in crew.people:
            store, train = person.store, person.train
            found[person.number] = store.windows_around(
                store.boxes(train, *HEAD_LABELS), store.size // 20
            )
            self.open_mouths[person.number] = sliding(
                store.mouth_opening()[train.start : train.stop], every=CURRICULUM_EVERY
            )
            blink = store.unit(BLINK)[train.start : train.stop]
            self.blinks[person.number] = sliding(
                (blink / 2).clamp(0, 1).cpu(), every=CURRICULUM_EVERY
            )
            self.odds[person.number] = lesson_odds(blink)
            self.usual[person.number] = usual_condition(person)
        self.batch_loaders = batch_loaders(
            crew, same_size(found, crew.people[0].store.size, crew.ranks), self._draw
        )

    def gaussians(self, person: Person) -> Gaussians:
        return person.face

    def universal(self) -> tuple[nn.Module, nn.Module]:
        return self.crew.fields.face, self.crew.face_average

    def own_field(self, person: int) -> MotionField:
        return self.crew.fields.own_face(person)

    def lose(self, turn: int, people: list[Person]) -> tuple[dict[str, Tensor], Shown]:
        course = self.course
        parts = [self.batch_loaders[person.number](turn)[0] for person in people]
        lessons = (
            [self._lesson(turn, person) for person in people] if course.landmarks(turn) else None
        )
        moving = turn >= course.warm_up
        deform = (
            self._move(people, parts, lessons, usual=moving and course.usual(turn) > 0)
            if moving or lessons
            else None
        )
        rendering = render_people(
            [person.face for person in people],
            [each.motion for each in deform] if moving and deform else [None] * len(people),
            [part.camera for part in parts],
            self.crew.renderer,
            degree=min(course.degree, turn // course.degree_every),
            attention=[each.attention for each in deform]
            if course.lips_attention(turn) and deform
            else None,
        )
        terms = self._picture_terms(turn, people, joined_frames(parts), rendering)
        if moving and deform:
            terms |= self._motion_terms(turn, people, parts, deform)
        if lessons and deform:
            missed = [
                (each.answer[..., :2] - lesson.shift).abs().mean()
                for each, lesson in zip(deform, lessons, strict=True)
                if each.answer is not None
            ]
            terms["landmarks"] = course.landmarks(turn) * mean_of(missed) / SHIFT_UNIT
        return terms, Shown(rendering=rendering, parts=parts)

    def _draw(self, person: Person, turn: int) -> list[int]:
        warm = turn < self.course.warm_up
        span = self.course.warm_up if warm else self.turns - self.course.warm_up
        progress = (turn if warm else turn - self.course.warm_up) / max(1, span)
        window: SlidingWindow = (self.open_mouths if warm else self.blinks)[person.number]
        choice = self.crew.chance(self.name, person.number, turn, "frames").choice
        return choose(
            window,
            step=turn,
            progress=progress,
            count=self.batch,
            frames=len(person.train),
            generator=choice,
        )

    def _move(
        self,
        people: list[Person],
        parts: list[FrameBatch],
        lessons: list[Lesson] | None,
        *,
        usual: bool,
    ) -> list[Moved]:
        """Ask the universal field about all points and all speech at once, then each person's own
        field. usual: also where all is as usual."""
        points, conditions = [], []
        for index, (person, part) in enumerate(zip(people, parts, strict=True)):
            lesson = lessons[index] if lessons else None
            centres = person.face.means.detach()
            points.append(torch.cat([centres, lesson.points]) if lesson else centres)
            conditions.append(
                joined_conditions(
                    [
                        part.condition,
                        *([self.usual[person.number]] if usual else []),
                        *([lesson.heard] if lesson else []),
                    ]
                )
            )
        field = self.crew.fields.face
        places = field.places(torch.cat(points)).split(*(len(where) for where in points))
        heard = field.encode_conditioning(joined_conditions(conditions)).split(
            [len(condition.speech) for condition in conditions]
        )
        # The frame where all is as usual is asked for beside the others: what a step costs a GPU
        # are its operations, not their size.
        frames, found = [self.batch, 1] if usual else [self.batch], []
        for person, where, condition, here, said in zip(
            people, points, conditions, places, heard, strict=True
        ):
            own, count = self.own_field(person.number), len(person.face)
            splats, marks = zip(
                *(at.split(count, len(where) - count) for at in (here, own.places(where))),
                strict=True,
            )
            seen, taught = zip(
                *(
                    codes.split([sum(frames), len(codes) - sum(frames)])
                    for codes in (said, own.encode_conditioning(condition))
                ),
                strict=True,
            )
            universal, personal = (
                each.move(at, codes).split(*frames)
                for each, at, codes in zip((field, own), splats, seen, strict=True)
            )
            found.append(
                Moved(
                    universal=universal[0],
                    own=personal[0],
                    usual=universal[1:] + personal[1:],
                    attention=torch.cat([at.attention() for at in splats], dim=-1),
                    answer=field.move(marks[0], taught[0]).shift
                    + own.move(marks[1], taught[1]).shift
                    if lessons
                    else None,
                )
            )
        return found

    def _picture_terms(
        self, turn: int, people: list[Person], frames: FrameBatch, rendering
    ) -> dict[str, Tensor]:
        course = self.course
        noise = [self.crew.chance(self.name, person.number, turn).noise for person in people]
        without_hair = turn >= course.warm_up and turn % course.hair_every != 0
        paint = torch.cat(
            [screen_colour(course.screen, self.batch, each) for each in noise]
        ).expand(rendering.colors.shape)
        target = frames.head_over(paint, hair=not without_hair)
        picture = compositing.over(rendering.colors, rendering.alphas, paint)
        if without_hair:
            picture = torch.where(frames.is_hair()[..., None], paint, picture)
        terms = {"photometric": losses.photometric(picture, target)}
        if course.alpha(turn):
            terms["alpha"] = course.alpha(turn) * losses.alpha_error(
                rendering.alphas, frames.head_alpha()
            )
        if course.lips_attention(turn):
            expression = rendering.detached[..., 1] + rendering.detached[..., 3]
            terms["lips_attention"] = course.lips_attention(turn) * within_each(
                expression, frames.lips
            )
        if course.hair_attention(turn) and not without_hair:
            terms["hair_attention"] = course.hair_attention(turn) * within_each(
                rendering.detached.sum(-1), frames.is_region(Region.HAIR)
            )
        return terms

    def _motion_terms(
        self, turn: int, people: list[Person], parts: list[FrameBatch], deform: list[Moved]
    ) -> dict[str, Tensor]:
        course, terms = self.course, {}
        if course.motion(turn):
            sizes = [
                losses.motion_size(each.universal) + losses.motion_size(each.own) for each in deform
            ]
            terms["motion"] = course.motion(turn) * mean_of(sizes)
        if course.usual(turn):
            sizes = [
                losses.motion_size(replace(motion, shift=motion.shift / SHIFT_UNIT))
                for each in deform
                for motion in each.usual
            ]
            terms["usual"] = course.usual(turn) * mean_of(sizes)
        everyone = self.crew.rounds.people
        if course.contrast(turn) and everyone > 1:
            agreed = []
            for person, part, each in zip(people, parts, deform, strict=True):
                rivals = drawn_rivals(
                    everyone,
                    person.number,
                    course.rivals,
                    self.crew.chance(self.name, person.number, turn, "rivals").choice,
                )
                some = slice(course.contrast_frames)
                heard = Condition(
                    speech=part.condition.speech[some], expression=part.condition.expression[some]
                )
                total = contrast(
                    each.own.shift[some],
                    [self.own_field(rival) for rival in rivals],
                    person.face.means.detach(),
                    heard,
                )
                agreed.append(total * (everyone - 1) / len(rivals))
            terms["contrast"] = course.contrast(turn) * mean_of(agreed)
        return terms

    def _lesson(self, turn: int, person: Person) -> Lesson:
        """Some landmarks in many frames, most of them heard in other voices."""
        course, store, motion = self.course, person.store, person.store.landmark_motion
        noise = self.crew.chance(self.name, person.number, turn, "lesson").noise
        frames = person.train.start + drawn(
            self.odds[person.number], course.landmark_frames * self.batch, noise
        )
        points = torch.randperm(len(motion.points), generator=noise, device=store.device)[
            : course.landmark_points
        ]
        heard = store.condition(frames)
        encoder = self.crew.fields.face.speech
        # Motion codes have no voice: they say what is seen.
        speech = (
            other_voices(heard.speech, encoder.level, noise)
            if isinstance(encoder, SpeechEncoder)
            else heard.speech
        )
        return Lesson(
            points=motion.points[points],
            heard=replace(heard, speech=speech),
            shift=motion.shift[frames[:, None], points],
        )


def usual_condition(person: Person) -> Condition:
    """The mean of what a person says and shows, as one frame."""
    some = slice(person.train.start, person.train.stop)
    speech, expression = person.store.features[some].mean(0), person.store.expression[some].mean(0)
    return Condition(speech=speech.expand(1, WINDOWS, -1, -1), expression=expression[None])
