"""The mouth stage: what shows between the lips, everything else painted over; the face around it drives it through the hook."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from instag.data.curriculum import choose, growing_down
from instag.data.frames import FrameStore
from instag.models.head import Head
from instag.models.mouth_motion import HOOK_SCALE
from instag.models.poses import PoseCorrections
from instag.portrait import paint_mouth
from instag.rendering import composite
from instag.rendering.renderer import Renderer
from instag.training import losses
from instag.training.density import DensitySettings
from instag.training.optim import Group
from instag.training.schedule import Steps, Term, decay
from instag.training.screen import Screen, screen_colour
from instag.training.stages.stage import Shown, Stage, field_groups, gaussian_groups
from instag.types import Region

HOOK_RANKS = 50
"""Training reads the hook at a random rank of 10..49."""
LOWEST_HOOK_RANK = 10
WIDE_OPEN = 0.75
"""Quantile of AU25 from which a mouth counts as wide open."""
FEWEST_MOUTH_PIXELS = 20


@dataclass(frozen=True, kw_only=True)
class MouthSettings:
    """Numbers of METHOD 7; steps are those of this stage. frozen_last: steps at the end in which the geometry rests and the screen is black."""

    steps: Steps
    batch: int
    degree: int
    degree_every: Steps
    warm_up: Steps
    field_rate: float
    field_settles: int | None
    field_rate_decay: float
    gentle_steps: Steps
    aligner_after: Steps
    curriculum_every: int
    alpha: Term
    motion: Term
    offset: Term
    frozen_last: Steps
    screen: Screen
    density: DensitySettings


class MouthStage(Stage):
    """Trains the mouth's Gaussians, its field and its aligner; the face rests."""

    name = "mouth"

    def __init__(
        self,
        head: Head,
        poses: PoseCorrections,
        store: FrameStore,
        train: range,
        settings: MouthSettings,
        renderer: Renderer,
        generator: torch.Generator,
        extent: float,
    ) -> None:
        self.head, self.poses, self.gaussians = head, poses, head.mouth.gaussians
        self.store, self.settings, self.renderer = store, settings, renderer
        self.generator, self.extent = generator, extent
        self.steps, self.density = settings.steps, settings.density
        self.train = train
        boxes = store.lips_boxes[torch.tensor(list(train))]
        self.windows = store.windows_around(boxes, store.size // 20)
        self.rows = _with_mouth(store, train)
        opening = store.mouth_unit[torch.tensor(list(train))][self.rows]
        opening = opening if float(opening.max()) > float(opening.min()) else store.mouth_opening()[torch.tensor(list(train))][self.rows]
        self.wide = self.rows[opening >= torch.quantile(opening, WIDE_OPEN)]
        self.opened = growing_down(opening.clamp(max=float(torch.quantile(opening, 0.95))), settings.curriculum_every)
        self._hooks: dict[int, Float[Tensor, "2 k"]] = {}

    def groups(self) -> list[Group]:
        settings, aligner = self.settings, self.head.mouth.aligner
        falling = lambda rate: decay(rate, settings.field_rate_decay, self.steps, gentle_steps=settings.gentle_steps)  # noqa: E731
        frozen = self.steps - settings.frozen_last
        still = {"means", "opacity", "scale", "rotation"}
        splats = [
            Group(
                name=group.name,
                parameters=group.parameters,
                rate=(lambda step, rate=group.rate: rate(step) if step < frozen else 0.0) if group.name in still else group.rate,
                betas=group.betas,
                eps=group.eps,
            )
            for group in gaussian_groups(self.gaussians, self.extent, self.steps)
        ]
        aligner_group = Group(name="aligner", parameters=dict(aligner.named_parameters()), rate=decay(1e-4 / 2, settings.field_rate_decay, self.steps))
        return [*splats, *field_groups(self.head.mouth.field, falling, factor=settings.field_rate, settle=settings.field_settles), aligner_group]

    def lose(self, step: int) -> tuple[dict[str, Tensor], Shown]:
        settings = self.settings
        rows = self._draw(step)
        frames = self.store.batch([self.train[row] for row in rows.tolist()], self.windows.rows(rows))
        with torch.no_grad():
            camera = self.poses(frames.camera, rows)
        encoding = self.head.mouth.encode(aligned=step >= settings.aligner_after)
        move = torch.stack([self._move(row) for row in rows.tolist()])
        rendering = paint_mouth(
            self.head.mouth, encoding, frames.condition, move, camera, self.renderer, degree=min(settings.degree, step // settings.degree_every)
        )
        inside = frames.is_region(Region.MOUTH, Region.TEETH)
        frozen = step >= self.steps - settings.frozen_last
        paint = (torch.zeros(3) if frozen else screen_colour(settings.screen, self.generator)).expand(rendering.colors.shape)
        target = torch.where(inside[..., None], frames.image.float() / 255, paint)
        # Around the opening, inside the lips box, the face will cover what is painted here: no opinion there.
        free = frames.lips & ~inside
        picture = torch.where(free[..., None], paint, composite.over(rendering.colors, rendering.alphas, paint))
        terms = {"photometric": losses.photometric(picture, target)}
        if settings.alpha(step):
            terms["alpha"] = settings.alpha(step) * losses.alpha_inside(rendering.alphas, frames.lips)
        if settings.offset(step) and step >= settings.aligner_after:
            offset = self.head.mouth.aligner(self.gaussians.means.detach()).offset
            terms["offset"] = settings.offset(step) * offset.abs().mean()
        return terms, Shown(rendering=rendering, camera=camera, picture=self.store.size)

    def _draw(self, step: int) -> Tensor:
        settings = self.settings
        if step < settings.warm_up:
            return self.wide[torch.randint(len(self.wide), (settings.batch,), generator=self.generator)]
        progress = (step - settings.warm_up) / max(1, self.steps - settings.warm_up)
        drawn = choose(self.opened, step=step, progress=progress, count=settings.batch, frames=len(self.rows), generator=self.generator)
        return self.rows[torch.tensor(drawn)]

    def _move(self, row: int) -> Float[Tensor, " 3"]:
        """The hook of a training frame at a random rank. The face rests in this stage, so its extreme shifts are read once a frame."""
        if row not in self._hooks:
            self._hooks[row] = self._extremes(row)
        extremes = self._hooks[row]
        rank = int(torch.randint(LOWEST_HOOK_RANK, HOOK_RANKS, (), generator=self.generator))
        rank = min(rank, extremes.shape[1])
        highest, lowest = extremes[0, rank - 1], extremes[1, rank - 1]
        return torch.stack([highest, lowest, highest - lowest]) * HOOK_SCALE

    @torch.no_grad()
    def _extremes(self, row: int) -> Float[Tensor, "2 k"]:
        face = self.head.face
        if not hasattr(self, "_bearings"):
            self._bearings = face.bearings()
        vertical = face.speech_shift(self._bearings, self.store.condition(torch.tensor([self.train[row]])))[0, :, 1]
        count = min(HOOK_RANKS, len(vertical))
        return torch.stack([vertical.topk(count).values, vertical.topk(count, largest=False).values])


def _with_mouth(store: FrameStore, train: range) -> Tensor:
    """Rows of the frames that show the inside of the mouth; all rows where none does."""
    pixels = [int(((regions := store.clip.regions(index)) == Region.MOUTH).sum() + (regions == Region.TEETH).sum()) for index in train]
    shown = torch.nonzero(torch.tensor(pixels) * store.scale**2 >= FEWEST_MOUTH_PIXELS)[:, 0]
    return shown if len(shown) else torch.arange(len(train))
