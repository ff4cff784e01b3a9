"""Front ends over Wav2Vec 2.0 and HuBERT: what such a network says each 20 ms, in windows of 16
steps (docs/method.md#speech-features)."""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.front_end import FrontEnd
from instag.speech.wav2vec_files import Wav2VecModel
from instag.speech.wav2vec_network import HOP, WINDOW
from instag.speech.windows import REACH_S, STEPS, held_to, windows_at_50_hz
from instag.types import FPS, SAMPLES

HEARING_S = 2.0
"""How far the transformer is taken to listen to either side. It has no bound but the piece it is
given."""
PIECE_S = 16
AT_ONCE = 1 << 20


@final
class Wav2Vec(FrontEnd):
    """Frame t hears steps 2t-8 .. 2t+7; its own are 2t and 2t+1. level: mean and deviation of the
    whole recording's samples; of the waveform that is given where it is None."""

    steps = STEPS
    lookback = lookahead = HEARING_S + REACH_S
    piece = PIECE_S * FPS

    def __init__(
        self, name: str, model: Wav2VecModel, *, level: tuple[float, float] | None = None
    ) -> None:
        self.name = name
        self.model = model
        self.channels = model.channels
        self.level = level

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "Wav2Vec":
        """Set to the level of a recording."""
        return Wav2Vec(self.name, self.model, level=level_of(waveform))

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f channels 16"]:
        frames = max(1, math.ceil(len(waveform) / SAMPLES))
        if self.model.normalised:
            mean, deviation = level_of(waveform) if self.level is None else self.level
            waveform = (waveform - mean) / deviation
        # Two steps a frame: the last one's window of 25 ms reaches past the end of the sound.
        padded = torch.nn.functional.pad(
            waveform, (0, frames * SAMPLES + WINDOW - HOP - len(waveform))
        )
        device = next(self.model.network.parameters()).device
        heard = self.model.network(padded.to(device)).to(waveform.device)
        return windows_at_50_hz(held_to(heard, 2 * frames), frames)


def level_of(waveform: Float[Tensor, " samples"]) -> tuple[float, float]:
    """Mean and deviation of the samples, as Wav2Vec2FeatureExtractor takes them."""
    count = max(1, len(waveform))
    mean = sum(float(part.double().sum()) for part in waveform.split(AT_ONCE)) / count
    square = (
        sum(float((part.double() - mean).square().sum()) for part in waveform.split(AT_ONCE))
        / count
    )
    return mean, math.sqrt(square + 1e-7)
