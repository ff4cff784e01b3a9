"""The speech map as a teacher: a ridge regression from speech features to the lower face's
landmarks.

A network without other supervision memorizes 125 frames: its lips are right in these and arbitrary
in others. A ridge regression has too few parameters to memorize them, so its predictions for any
speech, observed or augmented, supervise the field. See docs/method.md#landmark-supervision.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from instag.motion.landmark_motion import LandmarkMotion

NEAR = slice(2, 7)
"""The windows that the map uses, of eight: those of frames t-1 .. t+1."""
CENTER = slice(6, 10)
"""The steps of a window that the map averages: those around its frame; all steps of a shorter
window."""
STRENGTH = 0.1
"""The ridge penalty, relative to the variance of STRENGTH_FRAMES frames along one of
STRENGTH_DIRECTIONS directions. It does not grow with the number of frames."""
STRENGTH_FRAMES, STRENGTH_DIRECTIONS = 125, 20
SILENT_SHARE = 0.2
"""Added frames of silence with lips at rest, for each observed frame."""
MOVEMENT_SHARE, MAX_GAIN = 0.8, 2.0
"""A ridge regression underestimates movement. Its output is enlarged until the lips move this share
of the observed movement, at most by the gain."""


@dataclass(frozen=True, kw_only=True)
class SpeechMap:
    """A linear map from speech windows to shifts of the lower face's landmarks.

    level: mean and standard deviation of the features. mean: of the regression's inputs. weights,
    bias: metres.
    """

    level: Float[Tensor, " 2"]
    mean: Float[Tensor, " d"]
    weights: Float[Tensor, "d c"]
    bias: Float[Tensor, " c"]

    def __call__(self, speech: Float[Tensor, "b 8 channels steps"]) -> Float[Tensor, "b p 2"]:
        """Shifts of the lower face's landmarks from rest, metres, x and y."""
        return (
            (regression_inputs(speech, self.level) - self.mean) @ self.weights + self.bias
        ).unflatten(1, (-1, 2))


def regression_inputs(
    speech: Float[Tensor, "b 8 channels steps"], level: Float[Tensor, " 2"]
) -> Float[Tensor, "b d"]:
    """The channels of the three nearest windows, averaged around their centres and normalized by
    `level`."""
    center = CENTER if speech.shape[-1] > CENTER.start else slice(None)
    return (speech[:, NEAR, :, center].mean(-1).flatten(1) - level[0]) / level[1]


def fit_speech_map(
    speech: Float[Tensor, "f 8 channels steps"],
    motion: LandmarkMotion,
    frames: range,
    *,
    level: Float[Tensor, " 2"],
    silence: Float[Tensor, "channels steps"],
) -> SpeechMap:
    """Fit a ridge regression to the training frames in closed form. speech: their windows. silence:
    the window of a silent frame."""
    count = round(SILENT_SHARE * len(frames))
    inputs = regression_inputs(
        torch.cat([speech, silence.expand(count, speech.shape[1], -1, -1)]), level
    ).double()
    observed = (motion.shift[frames.start : frames.stop] - motion.rest)[:, motion.speaks].flatten(1)
    target = torch.cat([observed, observed.new_zeros(count, observed.shape[1])]).double()
    mean, bias = inputs.mean(0), target.mean(0)
    centered = inputs - mean
    products = centered.T @ centered
    penalty = STRENGTH * products.trace() / len(inputs) * STRENGTH_FRAMES / STRENGTH_DIRECTIONS
    weights = torch.linalg.solve(
        products + penalty * torch.eye(len(products), device=products.device),
        centered.T @ (target - bias),
    )
    predicted = (centered @ weights)[: len(frames)]
    movement = float(predicted.std(0).norm() / observed.std(0).norm().clamp(min=1e-9))
    gain = min(MAX_GAIN, max(1.0, MOVEMENT_SHARE / max(movement, 1e-6)))
    return SpeechMap(
        level=level, mean=mean.float(), weights=(weights * gain).float(), bias=bias.float()
    )
