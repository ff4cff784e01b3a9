"""A resampler of 16-bit sound that comes piece by piece."""

from typing import final

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from jaxtyping import Int16


def mono_frame(samples: Int16[np.ndarray, " samples"], rate: int) -> AudioFrame:
    """For FFmpeg. rate: Hz."""
    frame = AudioFrame.from_ndarray(samples[None], "s16", "mono")
    frame.sample_rate = rate
    return frame


@final
class PcmResampler:
    """Frames, all of one rate and layout, become mono sound of another rate. Its filter holds the
    last samples back until the end."""

    def __init__(self, rate: int) -> None:
        self._resampler = AudioResampler("s16", "mono", rate)

    def __call__(self, frame: AudioFrame | None) -> Int16[np.ndarray, " samples"]:
        """What is ready after this frame; None: the stream has ended."""
        pieces = [piece.to_ndarray()[0] for piece in self._resampler.resample(frame)]
        return np.concatenate([np.zeros(0, np.int16), *pieces])
