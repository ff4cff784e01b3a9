"""The face stage: the outside of the head, everything else covered
(docs/method.md#pre-training, #adaptation)."""

from collections.abc import Hashable
from dataclasses import dataclass

import torch
from torch import Tensor

from instag.data.curriculum import face_curriculum
from instag.data.frame_batch import FrameBatch
from instag.models.face_field import SHIFT_UNIT, Deformation
from instag.models.head import PointFeatures
from instag.models.pose_shapes import SHAPE_UNIT
from instag.models.render_head import face_drawing
from instag.ops.absolute_error import mean_absolute_error
from instag.training import losses
from instag.training.density_control import DensityConfig
from instag.training.losses import BackgroundColor
from instag.training.optimizer import Group
from instag.training.people import Person
from instag.training.schedules import Steps, Term, WholeSteps
from instag.training.stages.adapt_stage import HeadTraining
from instag.training.stages.layer_stage import LayerStage
from instag.training.stages.stage import ParameterGroups
from instag.training.stages.step import Comparison, HostChoices, StepInputs, StepScene
from instag.training.stages.targets import head_pictures
from instag.training.supervision.closed_lids import drawn_closing
from instag.training.supervision.landmarks import LandmarkBatch, LandmarkSampler
from instag.types import Condition, Region, Rendering, cat_conditions


@dataclass(frozen=True, kw_only=True)
class FaceStageConfig:
    """Numbers of docs/method.md#adaptation; steps are those of this stage.

    coarse_steps: steps at the start that compare pictures of half the size, at a fraction of the
    cost. opening_steps: steps at the start that take frames by how open the mouth is, and later
    ones by how closed the eyes are. gaussian_rate: factor on the rates of the Gaussians.
    field_rate: factor on those of the field's networks, which all but rest after slow_field_after
    steps, however long the stage. landmarks: the field's shifts of some landmarks against the seen
    ones, in landmark_frames frames for each frame rendered.
    pose_shapes: how far the pose shapes reach; a head whose recipe does not weigh them has none.
    expressions: the share of those frames that are taken twice, the second time with an expression
    that was not seen; 0 if the head is not to learn such. closed_lids: the share of the frames
    rendered whose lids are closed in the picture. hair_every: the hair is compared in each such
    step after opening_steps and covered else. lips: a further L1 within the lips box.
    depth_spread: of what each pixel is mixed from where the surface is tracked. depth_roughness:
    against that surface, within the lips box.
    """

    steps: Steps
    batch: int
    degree: int
    degree_every: Steps
    coarse_steps: Steps
    opening_steps: Steps
    gaussian_rate: float
    field_rate: float
    slow_field_after: WholeSteps
    field_rate_decay: float
    warmup_steps: Steps
    aligner_after: Steps
    alpha: Term
    motion: Term
    offset: Term
    lips_attention: Term
    hair_attention: Term
    normals: Term
    depth: Term
    depth_pause: Steps
    depth_spread: Term
    depth_roughness: Term
    perceptual: Term
    perceptual_patch: int
    hair_every: int
    background: BackgroundColor
    lips: Term
    pose_shapes: Term
    landmarks: Term
    landmark_frames: int
    landmark_points: int
    expressions: float
    closed_lids: float
    density: DensityConfig


class FaceStage(LayerStage):
    """Trains the face's Gaussians, its field and its aligner. landmarks: None where the
    recipe does not weigh them."""

    name = "face"

    def __init__(
        self,
        training: HeadTraining,
        config: FaceStageConfig,
        landmarks: LandmarkSampler | None = None,
    ) -> None:
        super().__init__(training, config)
        self.config, self.landmarks = config, landmarks
        dataset, frames = self.person.dataset, self.person.pictured
        curriculum = face_curriculum(
            dataset,
            frames,
            opening_steps=config.opening_steps,
            steps=config.steps,
            batch=config.batch,
        )
        self.load(dataset.head_windows(frames), curriculum.sample)

    def parameter_groups(self) -> ParameterGroups:
        face = self.head.face
        aligner = [
            Group(
                name=f"aligner.{name}",
                parameters=dict(module.named_parameters()),
                rate=self.falling(rate),
            )
            for name, module, rate in (
                ("encoding", face.aligner.encoding, 1e-3 / 2),
                ("network", face.aligner.network, 1e-4 / 2),
            )
        ]
        groups = [
            *self.gaussian_groups(),
            *self.field_groups(face.field),
            *aligner,
            *self._pose_shape_groups(),
        ]
        return ParameterGroups(own={self.person.number: groups}, shared=[])

    def _pose_shape_groups(self) -> list[Group]:
        shapes = self.head.face.pose_shapes
        if shapes is None:
            return []
        return [
            Group(
                name=f"pose_shapes.{name}",
                parameters=dict(module.named_parameters()),
                rate=self.warmed_up(rate),
            )
            for name, module, rate in (
                ("encoding", shapes.encoding, 5e-3),
                ("network", shapes.network, 2e-3),
            )
        ]

    def phase(self, step: int) -> Hashable:
        config = self.config
        terms = (config.alpha, config.motion, config.offset, config.lips, config.lips_attention)
        more = (config.hair_attention, config.normals, config.perceptual, config.landmarks)
        more = (*more, config.pose_shapes, config.depth_spread, config.depth_roughness)
        return (
            tuple(term(step) for term in (*terms, *more)),
            self.surface(step),
            self._depth_weight(step),
            self.degree(step),
            self._shows_hair(step),
            self.shrunk(step),
            self.aligned(step),
        )

    def surface(self, step: int) -> bool:
        config = self.config
        terms = (config.normals, config.depth, config.depth_spread, config.depth_roughness)
        return any(term(step) > 0 for term in terms)

    def shrunk(self, step: int) -> int:
        return 2 if step < self.config.coarse_steps else 1

    def choices(self, person: Person, step: int) -> HostChoices:
        config, choice = self.config, self.rng(person, step).choice
        taught = person.expressions is not None and config.closed_lids
        closing = drawn_closing(config.closed_lids, self.batch, choice) if taught else None
        if not config.perceptual(step):
            return HostChoices(closing=closing)
        windows, shrunk = self.loader.windows, self.shrunk(step)
        corner = losses.patch_corner(
            windows.height // shrunk, windows.width // shrunk, config.perceptual_patch, choice
        )
        return HostChoices(closing=closing, corner=corner)

    def deform(self, step: int, inputs: StepInputs) -> StepScene:
        config = self.config
        frames = inputs.frames.halved() if self.shrunk(step) == 2 else inputs.frames
        taught = None
        if self.landmarks is not None and config.landmarks(step):
            taught = self.landmarks.sample(self.person.face.means.detach(), inputs.noise.plain)
        features, motion, answer = self._deform(step, frames.condition, taught)
        terms = self._motion_losses(step, features, motion)
        if taught is not None and answer is not None:
            terms |= self._landmark_losses(step, taught, answer)
        drawing = face_drawing(
            self.head.face,
            features,
            motion,
            frames.camera,
            degree=self.degree(step),
            normals=config.normals(step) > 0,
            squared_depths=config.depth_spread(step) > 0,
            attention=config.lips_attention(step) > 0,
        )
        return StepScene(frames=frames, drawings=[drawing], losses=terms)

    def compare(
        self, step: int, inputs: StepInputs, scene: StepScene, renderings: list[Rendering]
    ) -> Comparison:
        (rendering,) = renderings
        picture, terms = self._picture_losses(step, inputs, scene.frames, rendering)
        terms |= self._attention_losses(step, scene.frames, rendering)
        if self.surface(step):
            terms |= self._surface_losses(step, scene.frames, rendering)
        return Comparison(picture=picture, losses=terms)

    def _deform(
        self, step: int, condition: Condition, taught: LandmarkBatch | None
    ) -> tuple[PointFeatures, Deformation, Deformation | None]:
        """Features and motion of the Gaussians, and the motion of the landmarks; the field computes
        all of them at once."""
        face, points = self.head.face, self.person.face.means.detach()
        aligned = self.aligned(step)
        if taught is None:
            features = face.point_features_at(points, aligned=aligned)
            return features, face.motion(features, condition), None
        every = face.point_features_at(torch.cat([points, taught.points]), aligned=aligned)
        codes = face.encode_conditioning(cat_conditions([condition, taught.condition]))
        features, of_landmarks = every.split(len(points), len(taught.points))
        in_frames, in_taught = codes.split([self.batch, len(codes) - self.batch])
        return features, face.deform(features, in_frames), face.deform(of_landmarks, in_taught)

    def _shows_hair(self, step: int) -> bool:
        return step < self.config.opening_steps or step % self.config.hair_every == 0

    def _picture_losses(
        self, step: int, inputs: StepInputs, frames: FrameBatch, rendering: Rendering
    ) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        color = losses.background_color(config.background, self.batch, inputs.noise.plain)
        picture, target = head_pictures(
            frames,
            rendering.colors[..., :3],
            rendering.alphas,
            color,
            hair=self._shows_hair(step),
        )
        terms = {"photometric": losses.photometric(picture, target)}
        if config.lips(step):
            terms["lips"] = config.lips(step) * mean_absolute_error(picture, target, frames.lips)
        if config.alpha(step):
            terms["alpha"] = config.alpha(step) * losses.alpha_error(
                rendering.alphas, frames.head_alpha()
            )
        if config.perceptual(step):
            assert inputs.corner is not None
            one, other = (
                torch.where(frames.lips[..., None], color, image) for image in (picture, target)
            )
            terms["perceptual"] = config.perceptual(step) * losses.patch_distance(
                self.perceptual, one, other, inputs.corner, config.perceptual_patch
            )
        return picture, terms

    def _motion_losses(
        self, step: int, features: PointFeatures, motion: Deformation
    ) -> dict[str, Tensor]:
        config, terms = self.config, {}
        if config.motion(step):
            terms["motion"] = config.motion(step) * losses.motion_size(motion)
        if config.offset(step):
            terms["offset"] = config.offset(step) * features.offset.abs().mean()
        if features.pose_shapes is not None and config.pose_shapes(step):
            reach = features.pose_shapes.abs().mean() / SHAPE_UNIT
            terms["pose_shapes"] = config.pose_shapes(step) * reach
        return terms

    def _attention_losses(
        self, step: int, frames: FrameBatch, rendering: Rendering
    ) -> dict[str, Tensor]:
        """How strongly each pixel follows speech outside the lips, and anything in the hair."""
        config, attention = self.config, rendering.detached
        if not config.lips_attention(step):
            return {}
        return {
            "lips_attention": config.lips_attention(step)
            * losses.within(attention[..., 1], frames.lips),
            "hair_attention": config.hair_attention(step)
            * losses.within(attention.sum(-1), frames.is_region(Region.HAIR)),
        }

    def _surface_losses(
        self, step: int, frames: FrameBatch, rendering: Rendering
    ) -> dict[str, Tensor]:
        config, terms = self.config, {}
        assert frames.normal is not None
        assert frames.depth is not None
        assert frames.surface_valid is not None
        # The tracked mesh covers the skin alone; hair has no prior in it.
        known = frames.surface_valid & frames.is_region(Region.FACE)
        if config.normals(step):
            terms["normals"] = config.normals(step) * losses.normal_agreement(
                rendering.colors[..., 3:6], frames.normal, known
            )
        if weight := self._depth_weight(step):
            terms["depth"] = weight * losses.depth_agreement(rendering.depths, frames.depth, known)
        if config.depth_spread(step):
            terms["depth_spread"] = config.depth_spread(step) * losses.depth_spread(
                rendering, rendering.colors[..., -1], frames.camera, known
            )
        if config.depth_roughness(step):
            terms["depth_roughness"] = config.depth_roughness(step) * losses.depth_roughness(
                rendering.depths, frames.depth, known & frames.lips
            )
        return terms

    def _depth_weight(self, step: int) -> float:
        return 0.0 if self._after_reset(step) else self.config.depth(step)

    def _landmark_losses(
        self, step: int, taught: LandmarkBatch, answer: Deformation
    ) -> dict[str, Tensor]:
        weight = self.config.landmarks(step)
        terms = {"landmarks": weight * taught.error(answer.shift) / SHIFT_UNIT}
        if taught.expressions is not None:
            terms["expressions"] = weight * taught.expressions.error(answer)
        return terms

    def _after_reset(self, step: int) -> bool:
        every = self.config.density.reset_every
        return (
            every is not None
            and self.config.density.end > step >= every
            and step % every < self.config.depth_pause
        )
