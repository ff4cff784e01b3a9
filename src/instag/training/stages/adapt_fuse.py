"""The fuse stage: face and mouth together over torso and backdrop, so that their colours and edges
fit (docs/method.md#adaptation)."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from instag.data.frame_batch import FrameBatch
from instag.models.mouth_field import HOOK_RANK
from instag.models.render_head import FaceRendering, render_face, render_mouth, static_features
from instag.rendering import compositing
from instag.training import losses
from instag.training.schedules import Steps, Term, constant
from instag.training.stages.adapt_stage import AdaptStage, HeadTraining
from instag.training.stages.hook import read_hooks
from instag.training.stages.stage import ParameterGroups, Step, StepOutput, gaussian_group
from instag.types import Rendering


@dataclass(frozen=True, kw_only=True)
class FuseStageConfig:
    """Numbers of docs/method.md#adaptation."""

    steps: Steps
    batch: int
    degree: int
    opacity_rate: float
    perceptual: Term
    perceptual_patch: tuple[int, int]


class FuseStage(AdaptStage):
    """Trains the colours of both sets of Gaussians and the face's opacity."""

    name = "fuse"

    def __init__(self, training: HeadTraining, config: FuseStageConfig) -> None:
        super().__init__(training, steps=config.steps, batch=config.batch, density=None)
        self.config = config
        windows = self.person.dataset.head_windows(self.person.pictured)
        self.load_batches(windows, self._sample)
        with torch.no_grad():
            self.static = static_features(self.head)
            self.hooks = read_hooks(self.head.face.field, self.static.face.features, self.person)

    def parameter_groups(self) -> ParameterGroups:
        face, mouth = self.person.face, self.person.mouth
        rates = {
            "face.dc": (face.dc, 2.5e-3),
            "face.rest": (face.rest, 2.5e-3 / 20),
            "face.opacity": (face.opacity, self.config.opacity_rate),
            "mouth.dc": (mouth.dc, 2.5e-3),
            "mouth.rest": (mouth.rest, 2.5e-3 / 20),
        }
        groups = [
            gaussian_group(name, {name: parameter}, constant(rate))
            for name, (parameter, rate) in rates.items()
        ]
        return ParameterGroups(own={self.person.number: groups}, shared=[])

    def compute_losses(self, step: Step) -> StepOutput:
        config, at = self.config, step.person_step
        frames, rows = self.loader(at)
        look, mouth = self._render(frames, rows)
        picture = compositing.compose(
            face=look.rgb,
            face_alphas=look.rendering.alphas,
            mouth=mouth.colors,
            mouth_alphas=mouth.alphas,
            background=frames.background.float() / 255,
        )
        target = frames.image.float() / 255
        terms = {"photometric": losses.photometric(picture, target)}
        if config.perceptual(at):
            patches = self.rng(self.person, at).choice
            terms["perceptual"] = config.perceptual(at) * losses.patch_distance(
                self.perceptual, picture, target, config.perceptual_patch, patches
            )
        return StepOutput(
            losses=terms, rendering=look.rendering, cameras=[frames.camera], picture=picture
        )

    def _render(
        self, frames: FrameBatch, rows: Int[Tensor, " b"]
    ) -> tuple[FaceRendering, Rendering]:
        """Face and mouth, whose motion rests."""
        face, mouth, renderer = self.head.face, self.head.mouth, self.people.renderer
        camera = frames.camera
        with torch.no_grad():
            motion = face.motion(self.static.face, frames.condition)
        degree, hook = self.config.degree, self.hooks.at_rank(rows, HOOK_RANK)
        return (
            render_face(face, self.static.face, motion, camera, renderer, degree=degree),
            render_mouth(
                mouth, self.static.mouth, frames.condition, hook, camera, renderer, degree=degree
            ),
        )

    def _sample(self, step: int, generator: torch.Generator) -> list[int]:
        rows = len(self.person.pictured)
        return torch.randint(rows, (self.batch,), generator=generator).tolist()
