"""Front ends over Wav2Vec 2.0 and HuBERT: outputs of such a network for each 20 ms, in windows of
16 steps (docs/method.md#speech-features)."""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.front_end import FrontEnd
from instag.speech.wav2vec_files import Wav2VecModel
from instag.speech.wav2vec_network import HOP, WINDOW
from instag.speech.windows import STEPS, WINDOW_REACH_S, fit_to_steps, windows_at_50_hz
from instag.types import FPS, SAMPLES

ATTENTION_S = 2.0
"""Sound to either side that is taken to matter to the transformer. It has no bound but the piece
that it gets."""
PIECE_S = 16
CHUNK = 1 << 20


@final
class Wav2Vec(FrontEnd):
    """Frame t gets steps 2t-8 .. 2t+7; its own are 2t and 2t+1. scale: mean and deviation of the
    whole recording's samples; None: of the waveform of the call."""

    steps = STEPS
    lookback = lookahead = ATTENTION_S + WINDOW_REACH_S
    piece = PIECE_S * FPS

    def __init__(
        self, name: str, model: Wav2VecModel, *, scale: tuple[float, float] | None = None
    ) -> None:
        self.name = name
        self.model = model
        self.channels = model.channels
        self.scale = scale

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "Wav2Vec":
        """Set to the mean and deviation of a recording."""
        return Wav2Vec(self.name, self.model, scale=scale_of(waveform))

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f channels 16"]:
        frames = max(1, math.ceil(len(waveform) / SAMPLES))
        if self.model.normalised:
            mean, deviation = scale_of(waveform) if self.scale is None else self.scale
            waveform = (waveform - mean) / deviation
        # Two steps a frame: the last one's window of 25 ms reaches past the end of the sound.
        padded = torch.nn.functional.pad(
            waveform, (0, frames * SAMPLES + WINDOW - HOP - len(waveform))
        )
        device = next(self.model.network.parameters()).device
        outputs = self.model.network(padded.to(device)).to(waveform.device)
        return windows_at_50_hz(fit_to_steps(outputs, 2 * frames), frames)


def scale_of(waveform: Float[Tensor, " samples"]) -> tuple[float, float]:
    """Mean and deviation of the samples, as Wav2Vec2FeatureExtractor takes them."""
    count = max(1, len(waveform))
    mean = sum(float(part.double().sum()) for part in waveform.split(CHUNK)) / count
    square = (
        sum(float((part.double() - mean).square().sum()) for part in waveform.split(CHUNK)) / count
    )
    return mean, math.sqrt(square + 1e-7)
