"""What a prior tells of how a person's lips follow the voice, once a few seconds of that person say
how strongly and around which rest.

It takes the place of the speech map where a head begins with a prior: many people's minutes tell
more of any speech than these seconds do, and a field that is held to it in made-up speech keeps
what it was taught while it learns the person.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from instag.models.face_field import MotionField
from instag.motion.landmark_motion import LandmarkMotion
from instag.training.supervision.ridge_teacher import LARGEST_GAIN, WANTED_MOVEMENT
from instag.types import Condition

SMALLEST_SLOPE = 0.1
"""Where the frames say nothing of how the prior fits, or deny it: this share of what was seen to
move."""
AT_ONCE = 64
"""Frames that the prior is asked about at once where its gain is measured."""


@dataclass(frozen=True, kw_only=True)
class PriorMap:
    """From speech windows to the landmarks of the lower face. points: those that speak, metres.
    expression: the person's usual one. usual: the field's mean answer, bias: the mean of what was
    seen, metres. level: mean and deviation of the features."""

    level: Float[Tensor, " 2"]
    field: MotionField
    points: Float[Tensor, "s 3"]
    expression: Float[Tensor, " 6"]
    usual: Float[Tensor, "s 2"]
    bias: Float[Tensor, "s 2"]
    gain: float

    def __call__(self, speech: Float[Tensor, "b 8 channels steps"]) -> Float[Tensor, "b s 2"]:
        """Shifts of the points that speak, metres, away from their rest."""
        return self.bias + self.gain * (
            answer(self.field, self.points, speech, self.expression) - self.usual
        )


@torch.no_grad()
def answer(
    field: MotionField,
    points: Float[Tensor, "s 3"],
    speech: Float[Tensor, "b 8 channels steps"],
    expression: Float[Tensor, " 6"],
) -> Float[Tensor, "b s 2"]:
    """Where a field shifts points when it hears this, x and y, metres."""
    return field(
        points, Condition(speech=speech, expression=expression.expand(len(speech), -1))
    ).shift[..., :2]


def fit_prior_map(
    field: MotionField,
    speech: Float[Tensor, "f 8 channels steps"],
    motion: LandmarkMotion,
    frames: range,
    expression: Float[Tensor, "f 6"],
) -> PriorMap:
    """Set a prior's field to the frames that may be learned from: their mean, and a gain, by least
    squares. As that is timid, it is enlarged until the lips move nearly as much as they were seen
    to, at most twice."""
    points, usually = motion.points[motion.speaks], expression.mean(0)
    said = torch.cat([answer(field, points, some, usually) for some in speech.split(AT_ONCE)])
    seen = (motion.shift[frames.start : frames.stop] - motion.rest)[:, motion.speaks]
    about, around = said - said.mean(0), seen - seen.mean(0)
    size, wanted = max(float(about.norm()), 1e-9), float(around.norm())
    slope = max(float((about * around).sum()) / size**2, SMALLEST_SLOPE * wanted / size)
    timid = slope * size / max(wanted, 1e-9)
    return PriorMap(
        level=field.speech.level,
        field=field,
        points=points,
        expression=usually,
        usual=said.mean(0),
        bias=seen.mean(0),
        gain=slope * min(LARGEST_GAIN, max(1.0, WANTED_MOVEMENT / max(timid, 1e-6))),
    )
