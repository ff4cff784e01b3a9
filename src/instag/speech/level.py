"""The level of a recording: brought to a common loudness, so that a quiet microphone does not close the mouth."""

from jaxtyping import Float
from torch import Tensor

from instag.speech.front_end import SAMPLE_RATE

ACTIVE_RMS = 0.05
PIECE = SAMPLE_RATE // 50
LOWEST_RMS = 1e-3
"""A recording whose louder half lies under this is taken as silence and not raised above it."""


def at_active_level(waveform: Float[Tensor, " samples"]) -> Float[Tensor, " samples"]:
    """The 16 kHz waveform with the RMS of the louder half of its 20 ms pieces brought to ACTIVE_RMS."""
    if len(waveform) < 2 * PIECE:
        return waveform
    power = waveform[: len(waveform) // PIECE * PIECE].reshape(-1, PIECE).square().mean(1)
    active = power[power >= power.median()].mean().sqrt()
    return waveform * (ACTIVE_RMS / active.clamp_min(LOWEST_RMS))
