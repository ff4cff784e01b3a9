"""AdaptRecipe: every number of an adaptation."""

from dataclasses import dataclass, replace
from typing import Literal

import torch

from instag.training.initialization import Start
from instag.training.schedules import in_larger_steps, shortened
from instag.training.stages.adapt_face import FaceStageConfig
from instag.training.stages.adapt_fuse import FuseStageConfig
from instag.training.stages.adapt_mouth import MouthStageConfig

COURSE_POWER = 0.25
"""How the frames that a course needs grow with those of a step, since rates grow with their root
(`optimizer.BATCH_POWER`). In steps of 4 frames, 14 people left out are with .7 of the frames as
good as in steps of 16 with all."""
LEAST_COURSE_BATCH = 4
"""Steps of fewer frames than were measured shorten a course no further."""


@dataclass(frozen=True, kw_only=True)
class AdaptRecipe:
    """A whole adaptation. size: side of the picture in pixels. n_views: frames to learn from where
    the user names none (None: all but those held back). pictures: of how many of them pictures are
    compared, at most; those that tell most are chosen (`data.frame_choice`; None: of all).

    cpu_batch, gpu_batch: frames a step. One frame leaves a GPU idle; on a CPU several share what no
    frame changes, and the cost of starting each operation. course_batch: the frames a step that the
    course is long enough for; in smaller steps it sees fewer frames (`batched`). conditioning:
    what the fields get: speech features, as in the paper, or lip codes, which are predicted from
    the speech (`speech.lips`); a front end that the user names goes before it. with_prior:
    whether the fields begin with a prior, which rates and warmup are made for.
    """

    name: str
    size: int
    n_views: int | None
    pictures: int | None
    start: Start
    face_splats: int
    mouth_splats: int
    cpu_batch: int
    gpu_batch: int
    course_batch: int
    conditioning: Literal["audio", "lip_codes"]
    with_prior: bool
    face: FaceStageConfig
    mouth: MouthStageConfig
    fuse: FuseStageConfig


def frames_a_step(recipe: AdaptRecipe, device: torch.device) -> int:
    """What suits recipe and device."""
    return recipe.gpu_batch if device.type == "cuda" else recipe.cpu_batch


def batched(recipe: AdaptRecipe, frames: int) -> AdaptRecipe:
    """The same schedule in steps of `frames` frames: every count of steps shrinks, so that as many
    frames are seen, or fewer where the course is long enough for larger steps. Recipes take one
    frame a step."""
    suited = max(frames, LEAST_COURSE_BATCH) / max(recipe.course_batch, LEAST_COURSE_BATCH)
    course = shortened(recipe, min(1.0, suited**COURSE_POWER))
    face, mouth, fuse = (
        replace(in_larger_steps(stage, frames), batch=frames)
        for stage in (course.face, course.mouth, course.fuse)
    )
    return replace(recipe, face=face, mouth=mouth, fuse=fuse)
