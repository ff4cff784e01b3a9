"""Decoded sound as an array of one rate and one number of channels, whatever rates and layouts
follow each other in a file."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import final

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.codec import Codec
from jaxtyping import Float

from instag.media.many_channels import can_mix, mono, planar

Sound = Float[np.ndarray, " samples"] | Float[np.ndarray, "samples 2"]
LOUDEST = 1e5
"""Of full scale. Files of floating point may hold NaN and infinity, and numbers beyond this."""
LOUDEST_CODED = 4.0
"""Of full scale, where a codec does not keep all of the sound: only damaged bytes are decoded to 12
dB above it."""


def is_coded(codec: Codec) -> bool:
    """Whether a codec does not keep all of the sound."""
    return codec.lossy and not codec.lossless


@final
class SoundConverter:
    """Resamples frames. rate: Hz. stereo: two channels in place of one. channel: the only one of
    the file's to take; a mix of all if not given. coded: a frame that holds more than
    LOUDEST_CODED is no sound."""

    def __init__(
        self,
        rate: int,
        *,
        stereo: bool = False,
        channel: int | None = None,
        coded: bool = False,
    ) -> None:
        self._rate, self._stereo, self._channel = rate, stereo, channel
        self._coded = coded
        self.unreal = 0
        self._given, self._due = 0, Fraction(0)

    @property
    def seconds(self) -> float:
        """The length of the frames that were converted so far."""
        return float(self._due)

    def convert(self, frames: Iterable[AudioFrame]) -> Iterator[Sound]:
        """Pieces of samples in [-1, 1]."""
        form, resampler = None, None
        for frame in frames:
            found = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or found != form:
                yield from self._end(resampler, exact=True)
                form, resampler = found, self._resampler()
                self._mixes = can_mix(frame.layout.name)
            self._due += Fraction(frame.samples, frame.sample_rate)
            yield from self._resampled(resampler, self._picked(frame))
        yield from self._end(resampler, exact=False)

    def _resampler(self) -> AudioResampler:
        layout = "stereo" if self._stereo else "mono"
        return AudioResampler(format="flt", layout=layout, rate=self._rate)

    def _resampled(self, resampler: AudioResampler, frame: AudioFrame | None) -> Iterator[Sound]:
        for piece in resampler.resample(frame):
            samples, unreal = silenced(piece.to_ndarray()[0], coded=self._coded)
            self.unreal += unreal
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
        many. Channels that FFmpeg cannot mix are averaged."""
        if self._channel is not None and self._channel < frame.layout.nb_channels:
            return mono(planar(frame)[self._channel], frame.sample_rate)
        if not self._mixes:
            return mono(planar(frame).mean(0), frame.sample_rate)
        return frame


def silenced(
    samples: Float[np.ndarray, "..."], *, coded: bool = False
) -> tuple[Float[np.ndarray, "..."], int]:
    """The samples with silence in place of those that are no sound, and how many these are: all,
    where a codec made some that are too loud."""
    loudness = np.abs(samples)
    if coded and loudness.max(initial=0.0) > LOUDEST_CODED:
        return np.zeros_like(samples), samples.size
    if loudness.max(initial=0.0) <= LOUDEST:
        return samples, 0
    heard = loudness <= LOUDEST
    return np.where(heard, samples, np.float32(0)), int(np.sum(~heard))
