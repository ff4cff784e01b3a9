"""The `phones` front end: which phone sounds, as probabilities over 42 of them, in the windows of
`mel`. Needs no download."""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.front_end import FrontEnd
from instag.speech.loudness import loudness_gain
from instag.speech.mel import HOP as MEL_HOP
from instag.speech.mel import windows_at_80_hz
from instag.speech.phone_model import (
    HOP,
    REACH,
    USUAL_MEAN,
    WINDOW,
    PhoneModel,
    cepstra,
    floor_cepstra,
    load_phone_model,
    usual_mean,
)
from instag.types import SAMPLE_RATE, SAMPLES

SHARPNESS = 0.3
"""Likelihoods to this power: neighbouring steps say much the same, so that their product would
count each of them several times."""
SMOOTHING = 2.0
"""Half the width, in steps of 10 ms, of the triangle that brings 100 steps a second to 80."""
AT_ONCE = 60 * SAMPLE_RATE


@final
class Phones(FrontEnd):
    """Probabilities at 80 Hz; frame t hears the 16 steps (0.2 s) centred on its middle. gain: what
    a waveform is multiplied by. mean: cepstra to subtract."""

    name = "phones"
    channels = 42
    steps = 16
    lookback = lookahead = (
        (steps + 1) / 2 * MEL_HOP + (SMOOTHING + REACH) * HOP + WINDOW / 2
    ) / SAMPLE_RATE

    def __init__(
        self,
        model: PhoneModel | None = None,
        *,
        gain: float = 1.0,
        mean: Float[Tensor, " 13"] | None = None,
    ) -> None:
        self.model = load_phone_model() if model is None else model
        self.gain = gain
        self.mean = torch.tensor(USUAL_MEAN) if mean is None else mean

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "Phones":
        """Set to the loudness and the mean cepstra of a recording."""
        gain = loudness_gain(waveform)
        return Phones(
            self.model,
            gain=gain,
            mean=usual_mean(torch.cat([cepstra(part * gain) for part in waveform.split(AT_ONCE)])),
        )

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 42 16"]:
        """Probabilities of the phones in `model.names`; outside the recording those of silence."""
        frames = max(1, math.ceil(len(waveform) / SAMPLES))
        heard = probabilities(self.model.log_likelihoods(cepstra(waveform * self.gain) - self.mean))
        silence = probabilities(self.model.log_likelihoods((floor_cepstra() - self.mean)[None]))[0]
        steps = math.ceil(len(waveform) / MEL_HOP) + 1
        return windows_at_80_hz(resampled(heard, steps, silence).T, frames, self.steps, silence)


def probabilities(log_likelihoods: Float[Tensor, "n phones"]) -> Float[Tensor, "n phones"]:
    """Of each phone given one step, all phones being equally likely before it is heard."""
    return torch.softmax(SHARPNESS * log_likelihoods, dim=1)


def resampled(
    sequence: Float[Tensor, "n channels"], steps: int, outside: Float[Tensor, " channels"]
) -> Float[Tensor, "steps channels"]:
    """From 100 steps a second to 80, each a triangle-weighted mean of its neighbours; `outside`
    stands before the start and after the end."""
    reach = math.ceil(SMOOTHING)
    places = torch.arange(steps) * MEL_HOP / HOP
    around = places.floor().long()[:, None] + torch.arange(1 - reach, reach + 1)
    weights = (1 - (around - places[:, None]).abs() / SMOOTHING).clamp_min(0)
    inside = (around >= 0) & (around < len(sequence))
    values = torch.where(inside[..., None], sequence[around.clamp(0, len(sequence) - 1)], outside)
    return (weights[..., None] * values).sum(1) / weights.sum(1, keepdim=True)
