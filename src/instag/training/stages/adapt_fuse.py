"""The fuse stage: face and mouth together over torso and backdrop, so that their colours and edges
fit (docs/method.md#adaptation)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from instag.data.batch_loader import BatchLoader
from instag.data.clip_dataset import HEAD_LABELS
from instag.models.render_head import render_face, render_mouth
from instag.rendering import compositing
from instag.training import losses
from instag.training.optimizer import Group
from instag.training.patches import perceptual
from instag.training.schedules import Steps, Term, constant
from instag.training.stages.stage import Shown, Stage
from instag.training.subject import Subject


@dataclass(frozen=True, kw_only=True)
class FuseSettings:
    """Numbers of docs/method.md#adaptation."""

    steps: Steps
    batch: int
    degree: int
    opacity_rate: float
    lpips: Term
    lpips_patch: tuple[int, int]


class FuseStage(Stage):
    """Trains the colours of both sets of Gaussians and the face's opacity."""

    name = "fuse"

    def __init__(self, subject: Subject, settings: FuseSettings) -> None:
        self.subject, self.settings, self.gaussians = subject, settings, subject.head.face.gaussians
        self.steps, self.batch, self.density = settings.steps, settings.batch, None
        store, train = subject.store, subject.train
        self.supply = BatchLoader(
            store,
            train,
            store.windows_around(store.boxes(train, *HEAD_LABELS), store.size // 20),
            self._draw,
        )

    def groups(self) -> list[Group]:
        face, mouth = self.subject.head.face.gaussians, self.subject.head.mouth.gaussians
        rates = {
            "face.dc": (face.dc, 2.5e-3),
            "face.rest": (face.rest, 2.5e-3 / 20),
            "face.opacity": (face.opacity, self.settings.opacity_rate),
            "mouth.dc": (mouth.dc, 2.5e-3),
            "mouth.rest": (mouth.rest, 2.5e-3 / 20),
        }
        return [
            Group(
                name=name,
                parameters={name: parameter},
                rate=constant(rate),
                betas=(0.9, 0.999),
                eps=1e-15,
            )
            for name, (parameter, rate) in rates.items()
        ]

    def lose(self, step: int) -> tuple[dict[str, Tensor], Shown]:
        settings, subject, head = self.settings, self.subject, self.subject.head
        frames, rows = self.supply(step)
        with torch.no_grad():
            camera = subject.poses(frames.camera, rows)
            point_features, encoding = head.face.point_features(), head.mouth.encode()
            heard = head.face.encode_conditioning(frames.condition)
            motion, move = (
                head.face.deform(point_features, heard),
                head.face.hook(point_features, heard),
            )
        look = render_face(
            head.face, point_features, motion, camera, subject.renderer, degree=settings.degree
        )
        mouth = render_mouth(
            head.mouth,
            encoding,
            frames.condition,
            move,
            camera,
            subject.renderer,
            degree=settings.degree,
        )
        picture = compositing.compose(
            face=look.rgb,
            face_alphas=look.rendering.alphas,
            mouth=mouth.colors,
            mouth_alphas=mouth.alphas,
            background=frames.behind.float() / 255,
        )
        target = frames.image.float() / 255
        terms = {"photometric": losses.photometric(picture, target)}
        if subject.lpips is not None and settings.lpips(step):
            patches = subject.chance(self.name, step).choice
            terms["lpips"] = settings.lpips(step) * perceptual(
                subject.lpips, picture, target, settings.lpips_patch, patches
            )
        return terms, Shown(rendering=look.rendering, camera=camera, picture=subject.store.size)

    def _draw(self, step: int) -> list[int]:
        drawn = self.subject.chance(self.name, step, "frames").choice
        return torch.randint(len(self.subject.train), (self.batch,), generator=drawn).tolist()
