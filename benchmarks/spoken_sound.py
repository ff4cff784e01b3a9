"""The sound that a head speaks in a benchmark."""

from pathlib import Path

import numpy as np

from instag.assets.sample_speech import recording
from instag.media.reader import read_sound
from instag.types import SAMPLE_RATE


def sound_or_sample(path: Path | None) -> np.ndarray:
    """Mono, 16 kHz; without a file one that comes with instag."""
    if path is None:
        return recording("speech_one").waveform.astype(np.float32)
    return read_sound(path, rate=SAMPLE_RATE)
