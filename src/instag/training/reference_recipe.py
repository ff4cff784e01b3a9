"""The recipe `reference`: the paper's schedule."""

from instag.training.adapt_recipe import AdaptRecipe
from instag.training.density_control import DensityConfig
from instag.training.schedules import NEVER, After, Term
from instag.training.stages.adapt_face import FaceStageConfig
from instag.training.stages.adapt_fuse import FuseStageConfig
from instag.training.stages.adapt_mouth import MouthStageConfig


def reference(*, with_prior: bool = False) -> AdaptRecipe:
    """The paper's schedule for a few seconds, one frame a step
    (docs/method.md#adaptation)."""
    return AdaptRecipe(
        name="reference",
        size=512,
        n_views=250,
        pictures=None,
        start="random",
        face_splats=2_000,
        mouth_splats=5_000,
        cpu_batch=1,
        gpu_batch=1,
        course_batch=1,
        conditioning="audio",
        with_prior=with_prior,
        face=_reference_face(with_prior),
        mouth=_reference_mouth(with_prior),
        fuse=_reference_fuse(),
    )


def _reference_face(with_prior: bool) -> FaceStageConfig:
    """The paper's face stage."""
    return FaceStageConfig(
        steps=10_000,
        batch=1,
        degree=1,
        degree_every=1_000,
        coarse_steps=0,
        opening_steps=3_000,
        gaussian_rate=1.0,
        field_rate=1.0,
        slow_field_after=None,
        field_rate_decay=0.5,
        # A field that starts fresh has nothing to keep.
        warmup_steps=3_000 if with_prior else 0,
        aligner_after=1_000,
        alpha=Term(weight=1e-3, active=After(3_000)),
        motion=Term(weight=1e-5, active=After(3_000)),
        offset=Term(weight=1e-5, active=After(1_000)),
        lips_attention=Term(weight=1e-4, active=After(3_000)),
        hair_attention=Term(weight=1e-4, active=After(3_000)),
        normals=Term(weight=1e-2, active=After(5_000)),
        depth=Term(weight=1e-2, active=After(5_000)),
        depth_pause=100,
        depth_spread=NEVER,
        depth_roughness=NEVER,
        perceptual=Term(weight=0.01, active=After(7_500)),
        perceptual_patch=80,
        hair_every=7,
        background="green",
        lips=NEVER,
        pose_shapes=NEVER,
        landmarks=NEVER,
        landmark_frames=6,
        landmark_points=144,
        expressions=0.0,
        closed_lids=0.0,
        density=DensityConfig(end=9_000),
    )


def _reference_mouth(with_prior: bool) -> MouthStageConfig:
    """The paper's mouth stage."""
    return MouthStageConfig(
        steps=10_000,
        batch=1,
        degree=1,
        degree_every=1_000,
        wide_steps=3_000,
        gaussian_rate=1.0,
        field_rate=1.0,
        slow_field_after=None,
        field_rate_decay=0.5,
        warmup_steps=3_000 if with_prior else 0,
        aligner_after=1_000,
        curriculum_every=5,
        alpha=Term(weight=1e-3),
        offset=Term(weight=1e-5),
        neighbor_strain=NEVER,
        around=NEVER,
        frozen_last=1_000,
        background="green",
        density=DensityConfig(
            end=9_000, gradient=2e-4, behind=None, green="weaken", green_after=2_000
        ),
    )


def _reference_fuse() -> FuseStageConfig:
    """The paper's fuse stage."""
    return FuseStageConfig(
        steps=2_000,
        averaged_steps=0,
        batch=1,
        degree=1,
        opacity_rate=1e-3,
        perceptual=Term(weight=0.05, active=After(1_000)),
        perceptual_patch=37,
    )
