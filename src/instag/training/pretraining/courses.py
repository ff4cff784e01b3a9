"""The courses of pre-training: every number, as functions that return a whole configuration. Steps
are frames that one person shows (docs/method.md#pre-training)."""

from dataclasses import dataclass, replace
from typing import Literal

from instag.errors import BadArgument
from instag.training.density_control import LARGEST_SPLAT, DensitySettings
from instag.training.schedules import After, Term, in_larger_steps, shortened
from instag.training.stages.pretrain_face import FaceCourse
from instag.training.stages.pretrain_mouth import MouthCourse


@dataclass(frozen=True, kw_only=True)
class Course:
    """A whole pre-training. size: side of the picture in pixels. together: people in a step.
    gpu_batch: frames of each on a GPU; a CPU takes one."""

    name: str
    size: int
    start: Literal["random", "seen"]
    face_splats: int
    mouth_splats: int
    together: int
    gpu_batch: int
    face: FaceCourse
    mouth: MouthCourse


def reference() -> Course:
    """The paper's numbers, 30,000 frames of each person for each stage."""
    face = FaceCourse(
        steps=30_000,
        batch=1,
        degree=2,
        degree_every=1_000,
        warm_up=1_000,
        centre_steps=45_000,
        late=20_000,
        screen="green",
        hair_every=7,
        alpha=Term(weight=1e-3, active=After(1_000)),
        motion=Term(weight=1e-5, active=After(1_000)),
        usual=Term(weight=0.0),
        lips_attention=Term(weight=5e-3, active=After(1_000)),
        hair_attention=Term(weight=1e-4, active=After(1_000)),
        contrast=Term(weight=1.0, active=After(1_000)),
        rivals=4,
        contrast_frames=4,
        landmarks=Term(weight=0.0),
        landmark_frames=8,
        landmark_points=144,
        density=DensitySettings(end=29_000, behind=None, reset_every=None),
    )
    mouth = MouthCourse(
        steps=30_000,
        batch=1,
        degree=2,
        degree_every=1_000,
        warm_up=3_000,
        centre_steps=45_000,
        late=20_000,
        screen="green",
        curriculum_every=7,
        alpha=Term(weight=1e-3, active=After(3_000)),
        motion=Term(weight=1e-5, active=After(3_000)),
        density=DensitySettings(
            end=29_000,
            gradient=2e-4,
            behind=None,
            reset_every=None,
            green="weaken",
            green_after=2_000,
        ),
    )
    return Course(
        name="reference",
        size=512,
        start="random",
        face_splats=2_000,
        mouth_splats=5_000,
        together=4,
        gpu_batch=16,
        face=face,
        mouth=mouth,
    )


def usual() -> Course:
    """The default: a start from what frames show, landmarks that teach the field, a random screen,
    and a third of the paper's frames."""
    course = reference()
    # Each rival is some sixty launches a step, which is what a GPU waits for; one of any number is
    # as right in the mean as four.
    density = replace(course.face.density, green="keep", prune_radius=LARGEST_SPLAT)
    # Gaussians that are not yet where they belong teach the field to shift them there: a short
    # course needs more of its frames for them alone.
    face = replace(
        course.face,
        warm_up=3_000,
        screen="random",
        rivals=1,
        usual=Term(weight=0.1),
        landmarks=Term(weight=2.0),
        density=density,
    )
    mouth = replace(
        course.mouth,
        screen="random",
        density=replace(course.mouth.density, green="keep", prune_radius=LARGEST_SPLAT),
    )
    return replace(
        shortened(replace(course, face=face, mouth=mouth), 1 / 3),
        name="usual",
        start="seen",
        face_splats=6_000,
        mouth_splats=2_000,
    )


def draft() -> Course:
    """A first look: 256 pixels, a twelfth of the paper's frames."""
    return replace(shortened(usual(), 0.25), name="draft", size=256)


def batched(course: Course, frames: int) -> Course:
    """The same course in turns of `frames` frames: every count of steps shrinks, so that as many
    frames are seen."""
    face, mouth = (
        replace(in_larger_steps(stage, frames), batch=frames)
        for stage in (course.face, course.mouth)
    )
    return replace(course, face=face, mouth=mouth)


COURSES = {"draft": draft, "usual": usual, "reference": reference}


def course_named(name: str) -> Course:
    """Raises BadArgument for a name that no course has."""
    if name not in COURSES:
        raise BadArgument(
            f"There is no course of pre-training named {name!r}. Choose one of: "
            f"{', '.join(COURSES)}."
        )
    return COURSES[name]()
