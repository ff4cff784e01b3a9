"""Our recipes of an adaptation: functions that return a whole configuration, cut from the paper's;
and all recipes by name."""

from dataclasses import replace
from typing import TypeVar

from instag.errors import BadArgument
from instag.training.adapt_recipe import AdaptRecipe
from instag.training.density_control import LARGEST_SPLAT, DensityConfig
from instag.training.reference_recipe import reference
from instag.training.schedules import NEVER, After, Between, Term, shortened
from instag.training.stages.adapt_face import FaceStageConfig
from instag.training.stages.adapt_fuse import FuseStageConfig
from instag.training.stages.adapt_mouth import MouthStageConfig

BEHIND = -0.2
"""Metres: what lies farther back goes. Ears and hair lie down to -0.13; the paper's -0.07 takes
them."""
FRESH = {"field_rate": 4.0, "slow_field_after": 2_000}
"""A fresh field learns from nothing within these steps. Longer, it learns the few seconds by heart:
on unseen speech the lips' correlation with the truth fell from 0.46 at 2,000 steps to 0 at 10,000.
"""
WITH_PRIOR = {"field_rate": 1.0, "slow_field_after": None}
"""A prior only needs the paper's low rates."""


MOST_PICTURES = 500
"""Twenty seconds of pictures fit into a laptop's memory, and a course sees each of them ten
times."""


def base(*, with_prior: bool = False) -> AdaptRecipe:
    """What our own recipes are cut from: the paper's schedule with a start from what frames show,
    landmarks that teach the field, a random background, hair in every step, and lips weighed
    more."""
    recipe = reference(with_prior=with_prior)
    return replace(
        recipe,
        name="base",
        n_views=None,
        pictures=MOST_PICTURES,
        start="frames",
        face_splats=6_000,
        mouth_splats=2_000,
        cpu_batch=4,
        gpu_batch=16,
        conditioning="lip_codes",
        face=_base_face(recipe.face, with_prior),
        mouth=_base_mouth(recipe.mouth, with_prior),
        fuse=_base_fuse(recipe.fuse),
    )


def _base_face(face: FaceStageConfig, with_prior: bool) -> FaceStageConfig:
    third_quarter = Between(face.steps // 2, face.steps * 3 // 4)
    return replace(
        face,
        **(WITH_PRIOR if with_prior else FRESH),
        # Of 14 people left out none was better by these two.
        lips_attention=NEVER,
        hair_attention=NEVER,
        pose_shapes=Term(weight=0.05),
        landmarks=Term(weight=2.0),
        expressions=0.3,
        closed_lids=0.15,
        depth_spread=Term(weight=0.05, active=third_quarter),
        depth_roughness=Term(weight=0.1, active=third_quarter),
        perceptual_patch=160,
        background="random",
        hair_every=1,
        lips=Term(weight=0.5),
        density=_base_density(face.density),
    )


def _base_mouth(mouth: MouthStageConfig, with_prior: bool) -> MouthStageConfig:
    return replace(
        mouth,
        **(WITH_PRIOR if with_prior else FRESH),
        background="random",
        # What a voice asks for was not seen in just that way: teeth tore, and what lies behind the
        # head shone through.
        neighbor_strain=Term(weight=0.02),
        around=Term(weight=0.05),
        alpha=replace(mouth.alpha, weight=0.05),
        density=_base_density(mouth.density),
    )


def _base_fuse(fuse: FuseStageConfig) -> FuseStageConfig:
    # A patch that shows half a face sharpens skin, hair and teeth, for a twentieth of a decibel;
    # the paper's shows an eye.
    return replace(fuse, perceptual=Term(weight=0.1, active=After(300)), perceptual_patch=192)


def _base_density(density: DensityConfig) -> DensityConfig:
    # Resets fight what floats before the face; a random background leaves nothing there, and a
    # short schedule has no time to recover from them. Fewer changes, each by more frames, leave
    # fewer Gaussians for the same picture.
    return replace(
        density,
        every=320,
        prune_opacity_growth=0.1,
        green="keep",
        reset_every=None,
        prune_radius=LARGEST_SPLAT,
        behind=BEHIND,
    )


SHORT_COURSE_RATE = 1.6
"""Factor on the rates of the Gaussians in a course of half of the steps or fewer: 14 people left
out are better by it; with 2.5 in place of it, hair and outlines are not."""


SHORT_COURSE_BATCH = 16
"""The frames a step that a course of half of the steps or fewer is long enough for."""
SETTLED = 0.2
"""The share of the steps of a short course, at the end of face and mouth, in which no Gaussian
comes or goes."""
LayerConfig = TypeVar("LayerConfig", FaceStageConfig, MouthStageConfig)


def _short_course(share: float, *, with_prior: bool) -> AdaptRecipe:
    """A share of the steps of `base`, whose Gaussians learn faster and settle earlier; the colours
    of the fuse stage are the mean of its last half."""
    recipe = shortened(base(with_prior=with_prior), share)
    face, mouth = _short_layer(recipe.face), _short_layer(recipe.mouth)
    fuse = replace(recipe.fuse, averaged_steps=recipe.fuse.steps // 2)
    return replace(recipe, course_batch=SHORT_COURSE_BATCH, face=face, mouth=mouth, fuse=fuse)


def _short_layer(layer: LayerConfig) -> LayerConfig:
    settled = round(layer.steps * SETTLED)
    return replace(
        layer,
        gaussian_rate=SHORT_COURSE_RATE,
        density=replace(layer.density, end=layer.steps - settled),
    )


def few(*, with_prior: bool = False) -> AdaptRecipe:
    """The default: 512 pixels, half of the steps; of the face's, three of four compare pictures of
    256, and the last third of these geometry, which in whole pictures costs 2.5 times as much."""
    recipe = _short_course(0.5, with_prior=with_prior)
    face, coarse = recipe.face, recipe.face.steps * 3 // 4
    third_quarter = Between(face.steps // 2, coarse)
    normals, depth = (replace(term, active=third_quarter) for term in (face.normals, face.depth))
    face = replace(face, coarse_steps=coarse, normals=normals, depth=depth)
    return replace(recipe, name="few", face=face)


def draft(*, with_prior: bool = False) -> AdaptRecipe:
    """A first look in minutes on two cores: 256 pixels, a fifth of the steps, patches that show as
    much of a face as those of whole size."""
    recipe = _short_course(0.2, with_prior=with_prior)
    face, fuse = (
        replace(stage, perceptual_patch=stage.perceptual_patch // 2)
        for stage in (recipe.face, recipe.fuse)
    )
    return replace(recipe, name="draft", size=256, face=face, fuse=fuse)


def long(*, with_prior: bool = False) -> AdaptRecipe:
    """For a minute of video or more: no geometry priors, fuller spherical harmonics, opacities
    never reset."""
    recipe = base(with_prior=with_prior)
    face = replace(
        recipe.face,
        slow_field_after=None,
        degree=2,
        field_rate_decay=0.1,
        normals=NEVER,
        depth=NEVER,
        depth_spread=NEVER,
        depth_roughness=NEVER,
        perceptual=replace(recipe.face.perceptual, weight=0.2),
        density=replace(recipe.face.density, reset_every=None, behind=None),
    )
    mouth = replace(
        recipe.mouth, slow_field_after=None, degree=2, field_rate_decay=0.1, curriculum_every=7
    )
    return replace(
        recipe,
        name="long",
        pictures=None,
        face=face,
        mouth=mouth,
        fuse=replace(recipe.fuse, degree=2),
    )


RECIPES = {"draft": draft, "few": few, "long": long, "reference": reference}
WITH_BUNDLED_PRIOR = ("draft", "few")
"""Recipes in which the fields begin with the bundled prior, where the head gets what that got."""


def recipe_named(name: str, *, with_prior: bool = False) -> AdaptRecipe:
    """Raises BadArgument for a name that no recipe has."""
    if name not in RECIPES:
        raise BadArgument(
            f"There is no recipe named {name!r}. Choose one of: {', '.join(RECIPES)}."
        )
    return RECIPES[name](with_prior=with_prior)
