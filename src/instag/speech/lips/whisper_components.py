"""The `whisper` front end: the principal components of what Whisper's ear finds, in windows of 16
steps (docs/method.md#speech-features). Needs no download."""

import math
from typing import final

from jaxtyping import Float
from torch import Tensor

from instag.speech.front_end import FrontEnd
from instag.speech.lips.network import CHANNELS, LipModel, load_lip_model, steps_of
from instag.speech.loudness import loudness_gain
from instag.speech.whisper import (
    AROUND_S,
    BLOCK_S,
    LOOKBACK_S,
    PIECE,
    WhisperEncoder,
    load_whisper_encoder,
)
from instag.speech.windows import REACH_S, STEPS, held_to, windows_at_50_hz
from instag.types import SAMPLES


@final
class WhisperComponents(FrontEnd):
    """64 numbers at 50 Hz; frame t hears steps 2t-8 .. 2t+7. gain: what a waveform is multiplied
    by. The ear computes on the device where it lies."""

    name = "whisper"
    channels = CHANNELS
    steps = STEPS
    piece, lookback = PIECE, LOOKBACK_S
    lookahead = REACH_S + BLOCK_S + AROUND_S

    def __init__(
        self, *, model: LipModel | None = None, ear: WhisperEncoder | None = None, gain: float = 1.0
    ) -> None:
        self.model = load_lip_model() if model is None else model
        self.ear = load_whisper_encoder() if ear is None else ear
        self.gain = gain

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "WhisperComponents":
        """Set to the loudness of a recording."""
        return WhisperComponents(model=self.model, ear=self.ear, gain=loudness_gain(waveform))

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 64 16"]:
        frames = max(1, math.ceil(len(waveform) / SAMPLES))
        heard = steps_of(self.ear, self.model.usual, self.model.components, waveform * self.gain)
        return windows_at_50_hz(held_to(heard.T, 2 * frames), frames)
