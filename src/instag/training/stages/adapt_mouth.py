"""The mouth stage: what shows between the lips, everything else painted over; the face around it
drives it through the hook."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.data.batch_loader import BatchLoader
from instag.data.clip_dataset import ClipDataset
from instag.data.curriculum import choose, growing_down
from instag.models.mouth_field import hook_values
from instag.models.render_head import render_mouth
from instag.rendering import compositing
from instag.training import losses
from instag.training.density_control import DensitySettings
from instag.training.optimizer import Group
from instag.training.rng import Chance
from instag.training.schedules import Steps, Term, WholeSteps, decay
from instag.training.screen import Screen, screen_colour
from instag.training.stages.stage import Shown, Stage, field_groups, gaussian_groups
from instag.training.subject import Subject
from instag.training.supervision.landmarks import STRONGEST
from instag.types import Region

HOOK_RANKS = 50
"""Training reads the hook at a random rank of 10..49."""
LOWEST_HOOK_RANK = 10
HOOK_BATCH = 8
"""Frames whose hooks are read at once."""
WIDE_OPEN = 0.75
"""Quantile of AU25 from which a mouth counts as wide open."""
FEWEST_MOUTH_PIXELS = 20
NEIGHBOURS, NEAR = 128, 3e-3
"""Pairs of neighbours that a step asks about, and the deviation of their distance along each axis,
metres."""
MADE_UP = 8
"""Frames in which it asks: the speech of one that was seen, with the hook of another times any
factor up to STRONGEST."""


@dataclass(frozen=True, kw_only=True)
class MouthSettings:
    """Numbers of docs/method.md#adaptation; steps are those of this stage. frozen_last: steps at
    the end in which the geometry rests and the screen is black.

    strain: of how much neighbours are drawn apart. around: of how far what lies around the opening,
    which no frame shows, is from the usual colour in it.
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
    curriculum_every: int
    alpha: Term
    motion: Term
    offset: Term
    strain: Term
    around: Term
    frozen_last: Steps
    screen: Screen
    density: DensitySettings


class MouthStage(Stage):
    """Trains the mouth's Gaussians, its field and its aligner; the face rests."""

    name = "mouth"

    def __init__(self, subject: Subject, settings: MouthSettings) -> None:
        self.subject, self.settings, self.gaussians = (
            subject,
            settings,
            subject.head.mouth.gaussians,
        )
        self.steps, self.batch, self.density = settings.steps, settings.batch, settings.density
        store, train = subject.store, subject.train
        windows = store.windows_around(store.lips_boxes[train.start : train.stop], store.size // 20)
        self.supply = BatchLoader(store, train, windows, self._draw)
        self.rows = rows_with_mouth(store, train)
        unit, height = (
            values[train.start : train.stop][self.rows]
            for values in (store.mouth_unit, store.mouth_opening())
        )
        opening = unit if float(unit.max()) > float(unit.min()) else height
        self.wide = self.rows[opening >= torch.quantile(opening, WIDE_OPEN)]
        self.opened = growing_down(
            opening.clamp(max=float(torch.quantile(opening, 0.95))), settings.curriculum_every
        )
        self.extremes = self._extremes()

    def groups(self) -> list[Group]:
        settings, aligner = self.settings, self.subject.head.mouth.aligner
        falling = lambda rate: decay(
            rate, settings.field_rate_decay, self.steps, gentle_steps=settings.gentle_steps
        )
        frozen = self.steps - settings.frozen_last
        still = {"means", "opacity", "scale", "rotation"}
        splats = [
            Group(
                name=group.name,
                parameters=group.parameters,
                rate=(lambda step, rate=group.rate: rate(step) if step < frozen else 0.0)
                if group.name in still
                else group.rate,
                betas=group.betas,
                eps=group.eps,
            )
            for group in gaussian_groups(self.gaussians, self.subject.extent, self.steps)
        ]
        aligner_group = Group(
            name="aligner",
            parameters=dict(aligner.named_parameters()),
            rate=decay(1e-4 / 2, settings.field_rate_decay, self.steps),
        )
        return [
            *splats,
            *field_groups(
                self.subject.head.mouth.field,
                falling,
                factor=settings.field_rate,
                settle=settings.field_settles,
            ),
            aligner_group,
        ]

    def lose(self, step: int) -> tuple[dict[str, Tensor], Shown]:
        settings, subject, mouth = self.settings, self.subject, self.subject.head.mouth
        chance = subject.chance(self.name, step)
        frames, rows = self.supply(step)
        with torch.no_grad():
            camera = subject.poses(frames.camera, rows)
        encoding = mouth.encode(aligned=step >= settings.aligner_after)
        degree = min(settings.degree, step // settings.degree_every)
        rendering = render_mouth(
            mouth,
            encoding,
            frames.condition,
            self._moves(rows, chance),
            camera,
            subject.renderer,
            degree=degree,
        )
        inside = frames.is_region(Region.MOUTH, Region.TEETH)
        frozen = step >= self.steps - settings.frozen_last
        paint = screen_colour(
            "black" if frozen else settings.screen, self.batch, chance.noise
        ).expand(rendering.colors.shape)
        seen = frames.image.float() / 255
        target = torch.where(inside[..., None], seen, paint)
        # Around the opening, inside the lips box, the face will cover what is painted here: no
        # opinion there.
        free = frames.lips & ~inside
        picture = torch.where(
            free[..., None], paint, compositing.over(rendering.colors, rendering.alphas, paint)
        )
        terms = {"photometric": losses.photometric(picture, target)}
        if settings.alpha(step):
            terms["alpha"] = settings.alpha(step) * losses.alpha_error(
                rendering.alphas, frames.lips.float()
            )
        if settings.around(step):
            usual = (seen * inside[..., None]).sum((1, 2)) / inside.sum((1, 2))[:, None].clamp_min(
                1
            )
            wrong = (
                (rendering.colors - rendering.alphas[..., None] * usual[:, None, None])
                .abs()
                .mean(-1)
            )
            terms["around"] = settings.around(step) * losses.within(wrong, free)
        if settings.offset(step) and step >= settings.aligner_after:
            offset = mouth.aligner(self.gaussians.means.detach()).offset
            terms["offset"] = settings.offset(step) * offset.abs().mean()
        if settings.strain(step):
            apart = subject.chance(self.name, step, "strain").noise
            terms["strain"] = settings.strain(step) * self._strain(
                apart, aligned=step >= settings.aligner_after
            )
        return terms, Shown(rendering=rendering, camera=camera, picture=subject.store.size)

    def _draw(self, step: int) -> list[int]:
        settings, drawn = self.settings, self.subject.chance(self.name, step, "frames").choice
        if step < settings.warm_up:
            return self.wide[torch.randint(len(self.wide), (self.batch,), generator=drawn)].tolist()
        progress = (step - settings.warm_up) / max(1, self.steps - settings.warm_up)
        return self.rows[
            choose(
                self.opened,
                step=step,
                progress=progress,
                count=self.batch,
                frames=len(self.rows),
                generator=drawn,
            )
        ].tolist()

    def _strain(self, noise: torch.Generator, *, aligned: bool) -> Float[Tensor, ""]:
        """How much neighbours are drawn apart, of their distance, in motion that is made up: teeth
        are stiff, and what the seen frames do not forbid tears."""
        mouth, device, train = self.subject.head.mouth, self.subject.device, self.subject.train
        draw = lambda most, count: torch.randint(most, (count,), generator=noise, device=device)  # noqa: E731
        centres = self.gaussians.means.detach()[draw(len(self.gaussians), NEIGHBOURS)]
        aside = torch.randn(centres.shape, generator=noise, device=device) * NEAR
        encoding = mouth.encode_at(torch.cat([centres, centres + aside]), aligned=aligned)
        heard = mouth.field.speech(
            self.subject.store.condition(train.start + draw(len(train), MADE_UP)).speech
        )
        strength = torch.rand(MADE_UP, 1, generator=noise, device=device) * STRONGEST
        rank = min(LOWEST_HOOK_RANK, self.extremes.shape[-1])
        move = hook_values(
            *(self.extremes[draw(len(train), MADE_UP), :, rank - 1] * strength).unbind(1)
        )
        one, other = mouth.field.shift(encoding, heard, move).chunk(2, dim=1)
        return ((one - other).norm(dim=-1) / aside.norm(dim=-1).clamp_min(NEAR / 6)).mean()

    def _moves(self, rows: Int[Tensor, " b"], chance: Chance) -> Float[Tensor, "b 3"]:
        """The hook of training frames, each at a random rank."""
        most = self.extremes.shape[-1]
        ranks = torch.randint(
            min(LOWEST_HOOK_RANK, most),
            min(HOOK_RANKS, most + 1),
            (len(rows),),
            generator=chance.noise,
            device=rows.device,
        )
        return hook_values(*self.extremes[rows, :, ranks - 1].unbind(1))

    @torch.no_grad()
    def _extremes(self) -> Float[Tensor, "f 2 k"]:
        """The face's largest and smallest shifts along y in each training frame. The face rests in
        this stage, so they are read once."""
        face, store = self.subject.head.face, self.subject.store
        point_features, count = face.point_features(), min(HOOK_RANKS, len(face.gaussians))
        found = []
        for frames in self.subject.frames.split(HOOK_BATCH):
            vertical = face.speech_shift(
                point_features, face.encode_conditioning(store.condition(frames))
            )[..., 1]
            found.append(
                torch.stack(
                    [vertical.topk(count).values, vertical.topk(count, largest=False).values], dim=1
                )
            )
        return torch.cat(found)


def rows_with_mouth(store: ClipDataset, train: range) -> Tensor:
    """Rows of the frames that show the inside of the mouth; all rows where none does."""
    pixels = [
        int(np.isin(store.regions(index), (Region.MOUTH, Region.TEETH)).sum()) for index in train
    ]
    shown = torch.nonzero(torch.tensor(pixels) >= FEWEST_MOUTH_PIXELS)[:, 0]
    return shown if len(shown) else torch.arange(len(train))
