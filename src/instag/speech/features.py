"""Speech features of whole recordings: levelled, then heard by a front end in chunks, so that memory stays small for any length."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.front_end import SAMPLE_RATE, FrontEnd
from instag.speech.level import at_active_level
from instag.types import FPS

CHUNK = 40 * FPS
CONTEXT = 2 * FPS
"""Frames of sound that a chunk hears beyond its own ends."""
SAMPLES = SAMPLE_RATE // FPS


def chunks(waveform: Float[Tensor, " samples"], front_end: FrontEnd) -> Iterator[Float[Tensor, "f channels steps"]]:
    """Features of a mono 16 kHz waveform in pieces of at most CHUNK frames; together ceil(samples / 640) frames."""
    levelled = at_active_level(waveform)
    frames = max(1, math.ceil(len(waveform) / SAMPLES))
    for start in range(0, frames, CHUNK):
        first, last = max(0, start - CONTEXT), min(frames, start + CHUNK + CONTEXT)
        heard = front_end(levelled[first * SAMPLES : last * SAMPLES])
        yield heard[start - first : min(start + CHUNK, frames) - first]


def features(waveform: Float[Tensor, " samples"], front_end: FrontEnd) -> Float[Tensor, "f channels steps"]:
    """All of them at once."""
    return torch.cat(list(chunks(waveform, front_end)))
