"""Decoded sound as an array of one rate and one number of channels, whatever rates and layouts
follow each other in a file."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import final

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from jaxtyping import Float

Sound = Float[np.ndarray, " samples"] | Float[np.ndarray, "samples 2"]


@final
class SoundConverter:
    """Resamples frames. rate: Hz. stereo: two channels in place of one. channel: the only one of
    the file's to take; a mix of all if not given."""

    def __init__(self, rate: int, *, stereo: bool = False, channel: int | None = None) -> None:
        self._rate, self._stereo, self._channel = rate, stereo, channel
        self._given, self._due = 0, Fraction(0)

    def convert(self, frames: Iterable[AudioFrame]) -> Iterator[Sound]:
        """Pieces of samples in [-1, 1]."""
        form, resampler = None, None
        for frame in frames:
            found = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or found != form:
                yield from self._end(resampler, exact=True)
                form, resampler = found, self._resampler()
            self._due += Fraction(frame.samples, frame.sample_rate)
            yield from self._resampled(resampler, self._picked(frame))
        yield from self._end(resampler, exact=False)

    def _resampler(self) -> AudioResampler:
        layout = "stereo" if self._stereo else "mono"
        return AudioResampler(format="flt", layout=layout, rate=self._rate)

    def _resampled(self, resampler: AudioResampler, frame: AudioFrame | None) -> Iterator[Sound]:
        for piece in resampler.resample(frame):
            samples = piece.to_ndarray()[0]
            self._given += len(samples) // (2 if self._stereo else 1)
            yield samples.reshape(-1, 2) if self._stereo else samples

    def _end(self, resampler: AudioResampler | None, *, exact: bool) -> Iterator[Sound]:
        """What the resampler still holds. exact: as much that the next sample comes at its time."""
        if resampler is None:
            return
        rest = list(self._resampled(resampler, None))
        if exact:
            surplus = self._given - round(self._due * self._rate)
            whole = np.concatenate([self._zeros(0), *rest])
            rest = [whole[: max(0, len(whole) - max(0, surplus))], self._zeros(max(0, -surplus))]
            self._given -= min(max(surplus, 0), len(whole)) + min(surplus, 0)
        yield from rest

    def _zeros(self, count: int) -> Sound:
        return np.zeros((count, 2) if self._stereo else count, np.float32)

    def _picked(self, frame: AudioFrame) -> AudioFrame:
        """The chosen channel of a frame; all of the frame where none was chosen, or it has not so
        many."""
        if self._channel is None or self._channel >= frame.layout.nb_channels:
            return frame
        planes = planar(frame)
        picked = AudioFrame.from_ndarray(
            np.ascontiguousarray(planes[self._channel : self._channel + 1]), "fltp", "mono"
        )
        picked.sample_rate = frame.sample_rate
        return picked


def planar(frame: AudioFrame) -> Float[np.ndarray, "channels samples"]:
    """A frame's channels, in [-1, 1]."""
    if frame.format.name == "fltp":
        return frame.to_ndarray()
    form = AudioResampler(format="fltp", layout=frame.layout.name, rate=frame.sample_rate)
    frames = [*form.resample(frame), *form.resample(None)]
    return np.concatenate([each.to_ndarray() for each in frames], axis=1)
