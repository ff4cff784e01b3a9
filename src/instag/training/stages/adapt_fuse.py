"""The fuse stage: face and mouth together over torso and backdrop, so that their colours and edges
fit (docs/method.md#adaptation)."""

from collections.abc import Hashable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from instag.models.mouth_field import HOOK_RANK
from instag.models.render_head import face_drawing, mouth_drawing, static_features
from instag.rendering import compositing
from instag.training import losses
from instag.training.people import Person
from instag.training.schedules import Steps, Term, constant
from instag.training.stages.adapt_stage import AdaptStage, HeadTraining
from instag.training.stages.hook import read_hooks
from instag.training.stages.stage import ParameterGroups, gaussian_group
from instag.training.stages.step import Comparison, HostChoices, StepInputs, StepOutput, StepScene
from instag.types import Rendering


@dataclass(frozen=True, kw_only=True)
class FuseStageConfig:
    """Numbers of docs/method.md#adaptation. averaged_steps: steps at the end of which the colours
    are the mean; 0 for those of the last."""

    steps: Steps
    averaged_steps: Steps
    batch: int
    degree: int
    opacity_rate: float
    perceptual: Term
    perceptual_patch: int


class FuseStage(AdaptStage):
    """Trains the colours of both sets of Gaussians and the face's opacity."""

    name = "fuse"

    def __init__(self, training: HeadTraining, config: FuseStageConfig) -> None:
        super().__init__(training, steps=config.steps, batch=config.batch, density=None)
        self.config, self.averaged_steps = config, config.averaged_steps
        windows = self.person.dataset.head_windows(self.person.pictured)
        self.load(windows, self._sample)
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

    def phase(self, step: int) -> Hashable:
        return self.config.perceptual(step)

    def choices(self, person: Person, step: int) -> HostChoices:
        if not self.config.perceptual(step):
            return HostChoices()
        windows, choice = self.loader.windows, self.rng(person, step).choice
        side = self.config.perceptual_patch
        return HostChoices(corner=losses.patch_corner(windows.height, windows.width, side, choice))

    def deform(self, step: int, inputs: StepInputs) -> StepScene:
        """Face and mouth, whose motion rests."""
        face, mouth, frames = self.head.face, self.head.mouth, inputs.frames
        condition, camera, degree = frames.condition, frames.camera, self.config.degree
        with torch.no_grad():
            motion = face.motion(self.static.face, condition)
        hook = self.hooks.at_rank(inputs.rows, HOOK_RANK)
        drawings = [
            face_drawing(face, self.static.face, motion, camera, degree=degree),
            mouth_drawing(mouth, self.static.mouth, condition, hook, camera, degree=degree),
        ]
        return StepScene(frames=frames, drawings=drawings, losses={})

    def compare(
        self, step: int, inputs: StepInputs, scene: StepScene, renderings: list[Rendering]
    ) -> Comparison:
        config, (face, mouth), frames = self.config, renderings, scene.frames
        picture = compositing.compose(face, mouth, frames.background.float() / 255)
        target = frames.image.float() / 255
        terms = {"photometric": losses.photometric(picture, target)}
        if config.perceptual(step):
            assert inputs.corner is not None
            terms["perceptual"] = config.perceptual(step) * losses.patch_distance(
                self.perceptual, picture, target, inputs.corner, config.perceptual_patch
            )
        return Comparison(picture=picture, losses=terms)

    def shown(self, output: StepOutput) -> Float[Tensor, "h w 3"]:
        """Both layers, in the room that was seen."""
        return output.picture[0]

    def _sample(self, step: int, generator: torch.Generator) -> list[int]:
        rows = len(self.person.pictured)
        return torch.randint(rows, (self.batch,), generator=generator).tolist()
