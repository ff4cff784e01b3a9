"""Speech features of whole recordings, computed in pieces, so that memory stays small for any
length."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from instag.runtime.progress import Report, silent
from instag.speech.front_end import FrontEnd
from instag.types import FPS, SAMPLE_RATE, SAMPLES

GRID = 5
"""Pieces begin on multiples of so many frames: 0.2 s, where the front ends' steps of 50, 80 and 100
a second coincide with frames."""


def frame_count(waveform: Float[Tensor, " samples"]) -> int:
    """Frames of a video as long as a 16 kHz waveform."""
    return max(1, math.ceil(len(waveform) / SAMPLES))


@torch.no_grad()
def chunks(
    waveform: Float[Tensor, " samples"], front_end: FrontEnd
) -> Iterator[Float[Tensor, "f channels steps"]]:
    """Features of a mono 16 kHz waveform in pieces of at most `front_end.piece` frames; together
    ceil(samples / 640) frames.

    Each piece gets as much sound beyond its own ends as the front end declares, so that its
    features are those of the whole.
    """
    calibrated = front_end.calibrated(waveform)
    frames, piece = frame_count(waveform), max(GRID, front_end.piece // GRID * GRID)
    before, after = (
        GRID * math.ceil((seconds * FPS + 1) / GRID)
        for seconds in (front_end.lookback, front_end.lookahead)
    )
    for start in range(0, frames, piece):
        first, last = max(0, start - before), min(frames, start + piece + after)
        found = calibrated(waveform[first * SAMPLES : last * SAMPLES])
        yield found[start - first : min(start + piece, frames) - first]


def features(
    waveform: Float[Tensor, " samples"], front_end: FrontEnd, report: Report = silent
) -> Float[Tensor, "f channels steps"]:
    """All of them together. `report` gets (frames done, frames in all)."""
    whole = torch.empty(frame_count(waveform), front_end.channels, front_end.steps)
    done = 0
    for chunk in chunks(waveform, front_end):
        whole[done : done + len(chunk)] = chunk
        done += len(chunk)
        report(done, len(whole))
    return whole


def silence(front_end: FrontEnd) -> Float[Tensor, "channels steps"]:
    """The features in the middle of four seconds of digital silence."""
    found = features(torch.zeros(4 * SAMPLE_RATE), front_end)
    return found[len(found) // 2]
