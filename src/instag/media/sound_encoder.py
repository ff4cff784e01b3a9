"""SoundEncoder: the AAC track of a video, coded as its samples come."""

from fractions import Fraction
from typing import final

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from jaxtyping import Float

AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Hz; sound of other rates is coded at 48 kHz."""


@final
class SoundEncoder:
    """Adds a track to a container, and writes it there. rate: of the samples, Hz."""

    def __init__(self, container: OutputContainer, rate: int, stereo: bool) -> None:
        self._container, self._rate, self._written = container, rate, 0
        self._layout, channels = ("stereo", 2) if stereo else ("mono", 1)
        coded = rate if rate in AAC_RATES else 48_000
        self._stream = container.add_stream(
            "aac",
            rate=coded,
            layout=self._layout,
            bit_rate=channels * max(64_000, min(128_000, 4 * coded)),
        )
        self._resampler = AudioResampler(
            format="fltp", layout=self._layout, rate=coded, frame_size=1024
        )

    def encode(self, piece: Float[np.ndarray, "samples *sample"]) -> None:
        """The next samples, in [-1, 1]; louder ones are clipped."""
        if not len(piece):
            return
        clipped = np.clip(piece, -1, 1).astype(np.float32)
        planes = np.ascontiguousarray(clipped.reshape(len(clipped), -1).T)
        frame = AudioFrame.from_ndarray(planes, format="fltp", layout=self._layout)
        frame.rate, frame.pts, frame.time_base = self._rate, self._written, Fraction(1, self._rate)
        self._written += len(piece)
        self._mux(self._resampler.resample(frame))

    def finish(self) -> None:
        """Write what the coder still holds."""
        self._mux(self._resampler.resample(None))
        self._container.mux(self._stream.encode(None))

    def _mux(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            self._container.mux(self._stream.encode(frame))
