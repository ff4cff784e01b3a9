"""The loudness of a recording, brought to a common one, so that a quiet microphone does not close
the mouth."""

import torch
from jaxtyping import Float
from torch import Tensor

from instag.types import SAMPLE_RATE

ACTIVE_RMS = 0.05
"""Common RMS of the louder half."""
PIECE = SAMPLE_RATE // 50
"""Samples: 20 ms."""
MIN_RMS = 1e-3
"""The gain stops growing for recordings whose louder half is below this: they are silent."""
CHUNK = 60 * SAMPLE_RATE


def loudness_gain(waveform: Float[Tensor, " samples"]) -> float:
    """The factor that brings the RMS of the louder half of the waveform's 20 ms pieces (16 kHz) to
    ACTIVE_RMS."""
    if len(waveform) < 2 * PIECE:
        return 1.0
    whole = waveform[: len(waveform) // PIECE * PIECE]
    power = torch.cat([part.reshape(-1, PIECE).square().mean(1) for part in whole.split(CHUNK)])
    active = power[power >= power.median()].mean().sqrt()
    return ACTIVE_RMS / max(float(active), MIN_RMS)


def at_active_loudness(waveform: Float[Tensor, " samples"]) -> Float[Tensor, " samples"]:
    """The 16 kHz waveform with the RMS of the louder half of its 20 ms pieces brought to
    ACTIVE_RMS."""
    return waveform * loudness_gain(waveform)
