"""PretrainRecipe: every number of a pre-training, as functions that return a whole configuration.
Steps are frames that one person shows (docs/method.md#pre-training)."""

from dataclasses import dataclass, replace

from instag.errors import BadArgument
from instag.training.density_control import LARGEST_SPLAT, DensityConfig
from instag.training.initialization import Start
from instag.training.schedules import After, Term, in_larger_steps, shortened
from instag.training.stages.pretrain_face import PretrainFaceConfig
from instag.training.stages.pretrain_mouth import PretrainMouthConfig


@dataclass(frozen=True, kw_only=True)
class PretrainRecipe:
    """A whole pre-training. size: side of the picture in pixels. together: people in a step.
    gpu_batch: frames of each on a GPU; a CPU takes one."""

    name: str
    size: int
    start: Start
    face_splats: int
    mouth_splats: int
    together: int
    gpu_batch: int
    face: PretrainFaceConfig
    mouth: PretrainMouthConfig


def reference() -> PretrainRecipe:
    """The paper's numbers, 30,000 frames of each person for each stage."""
    return PretrainRecipe(
        name="reference",
        size=512,
        start="random",
        face_splats=2_000,
        mouth_splats=5_000,
        together=4,
        gpu_batch=16,
        face=_reference_face(),
        mouth=_reference_mouth(),
    )


def _reference_face() -> PretrainFaceConfig:
    """The paper's face stage."""
    return PretrainFaceConfig(
        steps=30_000,
        batch=1,
        degree=2,
        degree_every=1_000,
        static_steps=1_000,
        means_decay_steps=45_000,
        late=20_000,
        background="green",
        hair_every=7,
        alpha=Term(weight=1e-3, active=After(1_000)),
        motion=Term(weight=1e-5, active=After(1_000)),
        mean_motion=Term(weight=0.0),
        lips_attention=Term(weight=5e-3, active=After(1_000)),
        hair_attention=Term(weight=1e-4, active=After(1_000)),
        contrast=Term(weight=1.0, active=After(1_000)),
        rivals=4,
        contrast_frames=4,
        landmarks=Term(weight=0.0),
        landmark_frames=8,
        landmark_points=144,
        expressions=0.0,
        closed_lids=0.0,
        density=DensityConfig(end=29_000, behind=None, reset_every=None),
    )


def _reference_mouth() -> PretrainMouthConfig:
    """The paper's mouth stage."""
    return PretrainMouthConfig(
        steps=30_000,
        batch=1,
        degree=2,
        degree_every=1_000,
        static_steps=3_000,
        means_decay_steps=45_000,
        late=20_000,
        background="green",
        curriculum_every=7,
        alpha=Term(weight=1e-3, active=After(3_000)),
        motion=Term(weight=1e-5, active=After(3_000)),
        density=DensityConfig(
            end=29_000,
            gradient=2e-4,
            behind=None,
            reset_every=None,
            green="weaken",
            green_after=2_000,
        ),
    )


def default() -> PretrainRecipe:
    """The default: 256 pixels, which teach motion as well as 512; a start from what frames show,
    landmarks that teach the field, a random background, and a third of the paper's frames."""
    recipe = reference()
    # Each rival is some sixty launches a step, which is what a GPU waits for; one is as right in
    # the mean as four.
    # Gaussians that are not yet where they belong teach the field to shift them there: a short
    # schedule needs more of its frames for them alone.
    face = replace(
        recipe.face,
        static_steps=3_000,
        background="random",
        rivals=1,
        mean_motion=Term(weight=0.1),
        landmarks=Term(weight=2.0),
        expressions=0.3,
        closed_lids=0.15,
        density=_default_density(recipe.face.density),
    )
    mouth = replace(
        recipe.mouth, background="random", density=_default_density(recipe.mouth.density)
    )
    return replace(
        shortened(replace(recipe, face=face, mouth=mouth), 1 / 3),
        name="default",
        size=256,
        start="frames",
        face_splats=6_000,
        mouth_splats=2_000,
    )


def _default_density(density: DensityConfig) -> DensityConfig:
    # A change of the Gaussians is some thousand launches for each person.
    return replace(density, every=480, green="keep", prune_radius=LARGEST_SPLAT)


def draft() -> PretrainRecipe:
    """A first look: a twelfth of the paper's frames."""
    return replace(shortened(default(), 0.25), name="draft")


def batched(recipe: PretrainRecipe, frames: int) -> PretrainRecipe:
    """The same schedule in steps of `frames` frames: every count of steps shrinks, so that as many
    frames are seen."""
    face, mouth = (
        replace(in_larger_steps(stage, frames), batch=frames)
        for stage in (recipe.face, recipe.mouth)
    )
    return replace(recipe, face=face, mouth=mouth)


PRETRAIN_RECIPES = {"draft": draft, "default": default, "reference": reference}


def pretrain_recipe_named(name: str) -> PretrainRecipe:
    """Raises BadArgument for a name that no recipe has."""
    if name not in PRETRAIN_RECIPES:
        raise BadArgument(
            f"There is no recipe of pre-training named {name!r}. Choose one of: "
            f"{', '.join(PRETRAIN_RECIPES)}."
        )
    return PRETRAIN_RECIPES[name]()
