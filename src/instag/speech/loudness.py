"""The loudness of a recording, brought to a common one, so that a quiet microphone does not close
the mouth."""

from collections.abc import Iterable

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
    return loudness_gain_of([waveform])


def loudness_gain_of(pieces: Iterable[Float[Tensor, " samples"]]) -> float:
    """The same of a recording that comes in pieces of any length, none of which is kept."""
    powers, rest = [torch.zeros(0)], torch.zeros(0)
    for piece in pieces:
        rest = torch.cat([rest.to(piece), piece]) if len(rest) else piece
        whole = rest[: len(rest) // PIECE * PIECE]
        powers += [part.reshape(-1, PIECE).square().mean(1) for part in whole.split(CHUNK)]
        rest = rest[len(whole) :]
    power = torch.cat([each.to(powers[-1]) for each in powers])
    if len(power) < 2:
        return 1.0
    active = power[power >= power.median()].mean().sqrt()
    return ACTIVE_RMS / max(float(active), MIN_RMS)


def at_active_loudness(waveform: Float[Tensor, " samples"]) -> Float[Tensor, " samples"]:
    """The 16 kHz waveform with the RMS of the louder half of its 20 ms pieces brought to
    ACTIVE_RMS."""
    return waveform * loudness_gain(waveform)
