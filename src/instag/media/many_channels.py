"""Sound frames of many or unusual channels, in a form that PyAV can read and FFmpeg can mix."""

from typing import final

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.error import ArgumentError
from jaxtyping import Float

MOST_PLANES = 7
"""PyAV looks for the first empty one of eight planes, and where none is empty reads on in memory
that is not theirs."""


@final
class Interleaver:
    """Turns frames of more than MOST_PLANES channels, each in a plane of its own, and those of 64
    bits, which numpy gets not from PyAV, into frames of one plane. Others stay as they are."""

    def __init__(self) -> None:
        self._form: tuple[str, str, int] | None = None

    def __call__(self, frame: AudioFrame) -> list[AudioFrame]:
        wide = frame.format.name.startswith("s64")
        many = frame.format.is_planar and frame.layout.nb_channels > MOST_PLANES
        if not wide and not many:
            return [frame]
        form = ("dbl" if wide else frame.format.packed.name, frame.layout.name, frame.sample_rate)
        if self._form != form:
            self._form = form
            self._resampler = AudioResampler(form[0], layout=form[1], rate=form[2])
        return self._resampler.resample(frame)


def planar(frame: AudioFrame) -> Float[np.ndarray, "channels samples"]:
    """A frame's channels, in [-1, 1]. Its planes are MOST_PLANES at most, or one."""
    samples, count = frame.to_ndarray(), frame.layout.nb_channels
    if not frame.format.is_planar:
        samples = samples.reshape(-1, count).T
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if samples.dtype.kind == "i":
        return samples.astype(np.float32) * np.float32(0.5 ** (8 * samples.dtype.itemsize - 1))
    return samples.astype(np.float32, copy=False)


def can_mix(layout: str) -> bool:
    """Whether FFmpeg has weights that mix these channels to one and to two."""
    frame = AudioFrame(format="flt", layout=layout, samples=64)
    frame.sample_rate = 48_000
    try:
        for mixed in ("mono", "stereo"):
            AudioResampler(format="flt", layout=mixed, rate=48_000).resample(frame)
    except ArgumentError:
        return False
    return True


def mono(samples: Float[np.ndarray, " samples"], rate: int) -> AudioFrame:
    """A frame of one channel."""
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), "fltp", "mono")
    frame.sample_rate = rate
    return frame
