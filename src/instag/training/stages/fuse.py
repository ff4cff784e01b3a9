"""The fuse stage: face and mouth together over torso and backdrop, so that their colours and edges fit (METHOD 7)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from instag.data.frames import HEAD_LABELS, FrameStore
from instag.lpips import Lpips
from instag.models.head import Head
from instag.models.poses import PoseCorrections
from instag.portrait import paint_face, paint_mouth
from instag.rendering import composite
from instag.rendering.renderer import Renderer
from instag.training import losses
from instag.training.optim import Group
from instag.training.patches import perceptual
from instag.training.schedule import Steps, Term, constant
from instag.training.stages.stage import Shown, Stage


@dataclass(frozen=True, kw_only=True)
class FuseSettings:
    """Numbers of METHOD 7."""

    steps: Steps
    batch: int
    degree: int
    opacity_rate: float
    lpips: Term
    lpips_patch: tuple[int, int]


class FuseStage(Stage):
    """Trains the colours of both sets of Gaussians and the face's opacity."""

    name = "fuse"

    def __init__(
        self,
        head: Head,
        poses: PoseCorrections,
        store: FrameStore,
        train: range,
        settings: FuseSettings,
        renderer: Renderer,
        generator: torch.Generator,
        extent: float,
        lpips: Lpips | None,
    ) -> None:
        self.head, self.poses, self.gaussians = head, poses, head.face.gaussians
        self.store, self.train, self.settings, self.renderer = store, train, settings, renderer
        self.generator, self.extent, self.lpips = generator, extent, lpips
        self.steps, self.density = settings.steps, None
        self.windows = store.windows_around(store.boxes(train, *HEAD_LABELS), store.size // 20)

    def groups(self) -> list[Group]:
        face, mouth = self.head.face.gaussians, self.head.mouth.gaussians
        rates = {
            "face.dc": (face.dc, 2.5e-3),
            "face.rest": (face.rest, 2.5e-3 / 20),
            "face.opacity": (face.opacity, self.settings.opacity_rate),
            "mouth.dc": (mouth.dc, 2.5e-3),
            "mouth.rest": (mouth.rest, 2.5e-3 / 20),
        }
        return [Group(name=name, parameters={name: parameter}, rate=constant(rate), betas=(0.9, 0.999), eps=1e-15) for name, (parameter, rate) in rates.items()]

    def lose(self, step: int) -> tuple[dict[str, Tensor], Shown]:
        settings, head = self.settings, self.head
        rows = torch.randint(len(self.train), (settings.batch,), generator=self.generator)
        frames = self.store.batch([self.train[row] for row in rows.tolist()], self.windows.rows(rows))
        with torch.no_grad():
            camera = self.poses(frames.camera, rows)
            bearings, encoding = head.face.bearings(), head.mouth.encode()
            move = head.face.mouth_move(bearings, frames.condition)
        look = paint_face(head.face, bearings, frames.condition, camera, self.renderer, degree=settings.degree)
        mouth = paint_mouth(head.mouth, encoding, frames.condition, move, camera, self.renderer, degree=settings.degree)
        picture = composite.compose(
            face=look.rgb, face_alphas=look.rendering.alphas, mouth=mouth.colors, mouth_alphas=mouth.alphas, behind=frames.behind.float() / 255
        )
        target = frames.image.float() / 255
        terms = {"photometric": losses.photometric(picture, target)}
        if self.lpips is not None and settings.lpips(step):
            terms["lpips"] = settings.lpips(step) * perceptual(self.lpips, picture, target, settings.lpips_patch, self.generator)
        return terms, Shown(rendering=look.rendering, camera=camera, picture=self.store.size)
