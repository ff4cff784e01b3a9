"""The prior as a teacher: a prior's field predicts a person's lip motion from speech, with a gain
and a mean that are fitted to a few seconds of this person.

It replaces the speech map (`ridge_teacher`) where training starts from a prior. The prior has seen
minutes of many people's speech, more than these seconds contain; its predictions for augmented
speech keep the field from forgetting them. See docs/method.md#landmark-supervision.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from instag.models.face_field import MotionField
from instag.motion.landmark_motion import LandmarkMotion
from instag.training.supervision.ridge_teacher import MAX_GAIN, MOVEMENT_SHARE
from instag.types import Condition

MIN_MOVEMENT = 0.1
"""Least movement of the fitted prediction over the observed one: a lower bound of the gain for
frames that do not correlate with the prior, or correlate negatively."""
BATCH = 64
"""Frames of one evaluation of the prior while the gain is fitted."""


@dataclass(frozen=True, kw_only=True)
class PriorMap:
    """A map from speech windows to shifts of the lower face's landmarks.

    level: mean and standard deviation of the features. points: the landmarks of the lower face,
    head's frame, metres. expression: the person's mean one. field_mean: the field's mean output,
    metres. bias: the mean observed shift, metres. gain: factor of the field's output.
    """

    level: Float[Tensor, " 2"]
    field: MotionField
    points: Float[Tensor, "s 3"]
    expression: Float[Tensor, " 6"]
    field_mean: Float[Tensor, "s 2"]
    bias: Float[Tensor, "s 2"]
    gain: float

    def __call__(self, speech: Float[Tensor, "b 8 channels steps"]) -> Float[Tensor, "b s 2"]:
        """Shifts of the lower face's landmarks from rest, metres, x and y."""
        return self.bias + self.gain * (
            predict_shift(self.field, self.points, speech, self.expression) - self.field_mean
        )


@torch.no_grad()
def predict_shift(
    field: MotionField,
    points: Float[Tensor, "s 3"],
    speech: Float[Tensor, "b 8 channels steps"],
    expression: Float[Tensor, " 6"],
) -> Float[Tensor, "b s 2"]:
    """Shifts of points by a field for speech windows, x and y, metres."""
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
    """Fit mean and gain of a prior's field to the training frames by least squares.

    The least-squares gain underestimates movement. It is enlarged until the lips move
    MOVEMENT_SHARE of the observed movement, at most by MAX_GAIN.
    """
    points, mean_expression = motion.points[motion.speaks], expression.mean(0)
    predicted = torch.cat(
        [predict_shift(field, points, part, mean_expression) for part in speech.split(BATCH)]
    )
    observed = (motion.shift[frames.start : frames.stop] - motion.rest)[:, motion.speaks]
    centered, target = predicted - predicted.mean(0), observed - observed.mean(0)
    size, target_size = max(float(centered.norm()), 1e-9), float(target.norm())
    slope = max(float((centered * target).sum()) / size**2, MIN_MOVEMENT * target_size / size)
    movement = slope * size / max(target_size, 1e-9)
    return PriorMap(
        level=field.speech.level,
        field=field,
        points=points,
        expression=mean_expression,
        field_mean=predicted.mean(0),
        bias=observed.mean(0),
        gain=slope * min(MAX_GAIN, max(1.0, MOVEMENT_SHARE / max(movement, 1e-6))),
    )
