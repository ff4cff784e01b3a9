"""Speech features of whole recordings: heard by a front end in pieces, so that memory stays small
for any length."""

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from instag.runtime.progress import Report, silent
from instag.speech.feature_stream import FeatureStream, frames_of
from instag.speech.front_end import FrontEnd
from instag.types import SAMPLE_RATE


def frame_count(waveform: Float[Tensor, " samples"]) -> int:
    """Frames of a video as long as a 16 kHz waveform."""
    return frames_of(len(waveform))


def chunks(
    waveform: Float[Tensor, " samples"], front_end: FrontEnd
) -> Iterator[Float[Tensor, "f channels steps"]]:
    """Features of a mono 16 kHz waveform in pieces of at most `front_end.piece` frames; together
    ceil(samples / 640) frames.

    Each piece is computed with as much sound beyond its own ends as the front end declares, so that
    the features are those of the whole.
    """
    yield from chunks_of([waveform], front_end.calibrated(waveform))


def chunks_of(
    pieces: Iterable[Float[Tensor, " samples"]], front_end: FrontEnd
) -> Iterator[Float[Tensor, "f channels steps"]]:
    """The same of a recording that comes in pieces, by a front end that is calibrated already; of
    the sound no more is kept than a piece of features needs."""
    stream = FeatureStream(front_end, calibrate=False)
    for sound in pieces:
        stream.push(sound)
        yield from iter(stream.take, None)
    stream.end()
    yield from iter(stream.take, None)


def features(
    waveform: Float[Tensor, " samples"], front_end: FrontEnd, report: Report = silent
) -> Float[Tensor, "f channels steps"]:
    """All of them at once. `report` gets (frames done, frames in all)."""
    whole = torch.empty(frame_count(waveform), front_end.channels, front_end.steps)
    done = 0
    for chunk in chunks(waveform, front_end):
        whole[done : done + len(chunk)] = chunk
        done += len(chunk)
        report(done, len(whole))
    return whole


def silence(front_end: FrontEnd) -> Float[Tensor, "channels steps"]:
    """What the front end hears in the middle of four seconds of digital silence."""
    heard = features(torch.zeros(4 * SAMPLE_RATE), front_end)
    return heard[len(heard) // 2]
