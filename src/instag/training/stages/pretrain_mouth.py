"""Pre-training of the inside of the mouth, driven by speech and by how each face opens around it
(docs/method.md#pre-training)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.data.clip_dataset import FrameBatch
from instag.data.curriculum import choose, growing_down
from instag.models.conditioning_encoders import WIDTH
from instag.models.face_field import Deformation, MotionField
from instag.models.gaussians import Gaussians
from instag.models.mouth_field import hook_values
from instag.rendering import compositing
from instag.training import losses
from instag.training.density_control import DensitySettings
from instag.training.multi_person import joined_conditions, joined_frames, render_people
from instag.training.people import Crew, Person
from instag.training.pretraining.work import Shown, Work, batch_loaders, mean_of, same_size
from instag.training.schedules import Steps, Term
from instag.training.screen import Screen, screen_colour
from instag.training.stages.adapt_mouth import (
    HOOK_BATCH,
    HOOK_RANKS,
    LOWEST_HOOK_RANK,
    rows_with_mouth,
)
from instag.types import Region

WIDE_OPEN = 0.95
"""Quantile of AU25 from which a mouth counts as wide open."""


@dataclass(frozen=True, kw_only=True)
class MouthCourse:
    """Numbers of docs/method.md#pre-training; steps are frames that one person shows, or its turns
    once a course is batched."""

    steps: Steps
    batch: int
    degree: int
    degree_every: Steps
    warm_up: Steps
    centre_steps: Steps
    late: Steps
    screen: Screen
    curriculum_every: int
    alpha: Term
    motion: Term
    density: DensitySettings


class MouthWork(Work):
    """Trains the universal mouth field, each person's own, and the Gaussians of each mouth; the
    faces rest, their field is its average."""

    name = "mouth"

    def __init__(self, crew: Crew, course: MouthCourse) -> None:
        self.crew, self.course = crew, course
        self.turns, self.batch, self.density = course.steps, course.batch, course.density
        self.centre_steps, self.late = course.centre_steps, course.late
        found, self.rows, self.wide, self.opened, self.extremes = {}, {}, {}, {}, {}
        for person in crew.people:
            store, train, number = person.store, person.train, person.number
            found[number] = store.windows_around(
                store.lips_boxes[train.start : train.stop], store.size // 20
            )
            rows = self.rows[number] = rows_with_mouth(store, train)
            unit, height = (
                values[train.start : train.stop][rows]
                for values in (store.mouth_unit, store.mouth_opening())
            )
            opening = unit if float(unit.max()) > float(unit.min()) else height
            self.wide[number] = rows[opening >= torch.quantile(opening, WIDE_OPEN)]
            limit = float(torch.quantile(opening, 0.95))
            self.opened[number] = growing_down(
                opening.clamp(max=limit), course.curriculum_every, first=WIDE_OPEN
            )
            self.extremes[number] = self._extremes(person)
        self.batch_loaders = batch_loaders(
            crew, same_size(found, crew.people[0].store.size, crew.ranks), self._draw
        )

    def gaussians(self, person: Person) -> Gaussians:
        return person.mouth

    def universal(self) -> tuple[nn.Module, nn.Module]:
        return self.crew.fields.mouth, self.crew.mouth_average

    def own_field(self, person: int) -> MotionField:
        return self.crew.fields.own_mouth(person)

    def lose(self, turn: int, people: list[Person]) -> tuple[dict[str, Tensor], Shown]:
        course = self.course
        supplied = [self.batch_loaders[person.number](turn) for person in people]
        parts = [frames for frames, _ in supplied]
        moving = turn >= course.warm_up
        shifts = (
            self._shifts(turn, people, parts, [rows for _, rows in supplied]) if moving else None
        )
        rendering = render_people(
            [person.mouth for person in people],
            [_shifted(universal + own) for universal, own in shifts]
            if shifts
            else [None] * len(people),
            [part.camera for part in parts],
            self.crew.renderer,
            degree=min(course.degree, turn // course.degree_every),
            rigid=True,
        )
        frames = joined_frames(parts)
        noise = [self.crew.chance(self.name, person.number, turn).noise for person in people]
        inside = frames.is_region(Region.MOUTH, Region.TEETH)
        paint = torch.cat(
            [screen_colour(course.screen, self.batch, each) for each in noise]
        ).expand(rendering.colors.shape)
        target = torch.where(inside[..., None], frames.image.float() / 255, paint)
        picture = torch.where(
            (frames.lips & ~inside)[..., None],
            paint,
            compositing.over(rendering.colors, rendering.alphas, paint),
        )
        terms = {"photometric": losses.photometric(picture, target)}
        if course.alpha(turn):
            terms["alpha"] = course.alpha(turn) * losses.alpha_error(
                rendering.alphas, frames.lips.float()
            )
        if shifts and course.motion(turn):
            terms["motion"] = course.motion(turn) * mean_of(
                [universal.abs().mean() + own.abs().mean() for universal, own in shifts]
            )
        return terms, Shown(rendering=rendering, parts=parts)

    def _draw(self, person: Person, turn: int) -> list[int]:
        drawn, rows, wide = (
            self.crew.chance(self.name, person.number, turn, "frames").choice,
            self.rows[person.number],
            self.wide[person.number],
        )
        if turn < self.course.warm_up:
            return wide[torch.randint(len(wide), (self.batch,), generator=drawn)].tolist()
        progress = (turn - self.course.warm_up) / max(1, self.turns - self.course.warm_up)
        return rows[
            choose(
                self.opened[person.number],
                step=turn,
                progress=progress,
                count=self.batch,
                frames=len(rows),
                generator=drawn,
            )
        ].tolist()

    def _shifts(
        self, turn: int, people: list[Person], parts: list[FrameBatch], rows: list[Tensor]
    ) -> list[tuple[Tensor, Tensor]]:
        """Shifts by the universal field and by each person's own, metres."""
        field = self.crew.fields.mouth
        points = [person.mouth.means.detach() for person in people]
        encodings = field.encoding(torch.cat(points)).split([len(each) for each in points])
        speech = field.speech(joined_conditions([part.condition for part in parts]).speech).split(
            self.batch
        )
        return [
            (
                field.shift(encoding, heard, self._moves(turn, person, here)),
                self.own_field(person.number)(where, part.condition).shift,
            )
            for person, part, where, encoding, heard, here in zip(
                people, parts, points, encodings, speech, rows, strict=True
            )
        ]

    def _moves(self, turn: int, person: Person, rows: Tensor) -> Float[Tensor, "b 3"]:
        """The hook of some of a person's frames, each at a random rank."""
        extremes = self.extremes[person.number]
        most = extremes.shape[-1]
        noise = self.crew.chance(self.name, person.number, turn, "hook").noise
        ranks = torch.randint(
            min(LOWEST_HOOK_RANK, most),
            min(HOOK_RANKS, most + 1),
            (len(rows),),
            generator=noise,
            device=rows.device,
        )
        return hook_values(*extremes[rows, :, ranks - 1].unbind(1))

    @torch.no_grad()
    def _extremes(self, person: Person) -> Float[Tensor, "f 2 k"]:
        """The largest and smallest shifts along y that the universal face field says of a person's
        face, the expression at zero, in each frame."""
        field, count = self.crew.face_average, min(HOOK_RANKS, len(person.face))
        places, found = field.features(person.face.means), []
        for frames in person.frames.split(HOOK_BATCH):
            heard = field.encode_conditioning(person.store.condition(frames))
            vertical = field.deform(
                places, torch.cat([heard[:, :WIDTH], torch.zeros_like(heard[:, WIDTH:])], dim=-1)
            ).shift[..., 1]
            found.append(
                torch.stack(
                    [vertical.topk(count).values, vertical.topk(count, largest=False).values], dim=1
                )
            )
        return torch.cat(found)


def _shifted(shift: Float[Tensor, "b n 3"]) -> Deformation:
    return Deformation(
        shift=shift, rotation=shift.new_zeros(*shift.shape[:2], 4), scale=torch.zeros_like(shift)
    )
