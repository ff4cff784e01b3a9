"""The `mel` front end: windows of a log mel spectrogram, computed from the waveform alone
(docs/method.md#speech-features, as AVE's input)."""

import math
from collections.abc import Iterable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.front_end import FrontEnd
from instag.speech.loudness import loudness_gain_of
from instag.types import FPS, SAMPLE_RATE

BANDS = 80
FFT = 800
HOP = 200
LOWEST_HZ, HIGHEST_HZ = 55.0, 7600.0
PRE_EMPHASIS = 0.97
REFERENCE_DB = 20.0
FLOOR_DB = -100.0
SPAN = 4.0


@final
class Mel(FrontEnd):
    """80 bands at 80 Hz; frame t gets the 16 steps (0.2 s) centred on its middle. Values in [-4,
    4]. gain: of the waveform."""

    name = "mel"
    channels = BANDS
    steps = 16
    lookback = lookahead = ((steps + 1) / 2 * HOP + FFT / 2) / SAMPLE_RATE

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "Mel":
        """Set to the loudness of a recording."""
        return self.calibrated_by([waveform])

    def calibrated_by(self, pieces: Iterable[Float[Tensor, " samples"]]) -> "Mel":
        return Mel(loudness_gain_of(pieces))

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f channels steps"]:
        """One window [80, 16] a frame; silence outside the recording."""
        frames = max(1, math.ceil(len(waveform) * FPS / SAMPLE_RATE))
        return windows_at_80_hz(
            spectrogram(waveform * self.gain), frames, self.steps, torch.full((BANDS,), -SPAN)
        )


def windows_at_80_hz(
    sequence: Float[Tensor, "channels n"],
    frames: int,
    steps: int,
    outside: Float[Tensor, " channels"],
) -> Float[Tensor, "frames channels steps"]:
    """For each frame the steps centred on its middle, out of 80 a second; `outside` where the
    sequence has none."""
    centers = ((torch.arange(frames) + 0.5) * SAMPLE_RATE / (FPS * HOP)).round().long()
    missing = max(0, int(centers[-1]) + steps - sequence.shape[1])
    padded = torch.cat(
        [outside[:, None].expand(-1, steps), sequence, outside[:, None].expand(-1, missing)], dim=1
    )
    return padded.unfold(1, steps, 1)[:, centers + steps // 2].transpose(0, 1).contiguous()


def spectrogram(waveform: Float[Tensor, " samples"]) -> Float[Tensor, "80 steps"]:
    """Log mel spectrogram of a 16 kHz waveform, in decibels mapped from [-100, 0] to [-4, 4]; step
    i is centred on sample 200 i."""
    if len(waveform) <= FFT:
        waveform = torch.nn.functional.pad(waveform, (0, FFT + 1 - len(waveform)))
    emphasised = torch.cat([waveform[:1], waveform[1:] - PRE_EMPHASIS * waveform[:-1]])
    magnitude = torch.stft(
        emphasised,
        FFT,
        HOP,
        window=torch.hann_window(FFT),
        center=True,
        pad_mode="reflect",
        return_complex=True,
    ).abs()
    decibels = 20 * torch.log10((filterbank() @ magnitude).clamp_min(1e-5)) - REFERENCE_DB
    return ((decibels - FLOOR_DB) / -FLOOR_DB * 2 * SPAN - SPAN).clamp(-SPAN, SPAN)


def filterbank() -> Float[Tensor, "80 bins"]:
    """Triangular filters on the Slaney mel scale, each of unit area (Slaney, Auditory Toolbox,
    1998)."""
    edges = _hertz(torch.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2))
    bins = torch.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)
    low, center, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = torch.minimum(
        (bins - low) / (center - low), (high - bins) / (high - center)
    ).clamp_min(0)
    return triangles * 2 / (high - low)


# Slaney's scale: linear with 3 mels every 200 Hz up to 1 kHz, then 27 mels a factor of 6.4.
_KNEE_HZ, _KNEE_MEL, _LOG_STEP = 1000.0, 15.0, math.log(6.4) / 27


def _mel(hertz: float) -> float:
    return (
        hertz * 3 / 200 if hertz < _KNEE_HZ else _KNEE_MEL + math.log(hertz / _KNEE_HZ) / _LOG_STEP
    )


def _hertz(mel: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    return torch.where(
        mel < _KNEE_MEL, mel * 200 / 3, _KNEE_HZ * torch.exp((mel - _KNEE_MEL) * _LOG_STEP)
    )
