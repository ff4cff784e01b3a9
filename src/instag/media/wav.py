"""A WAV file: mono, 16 bit."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Int16

from instag.observed import SAMPLE_RATE


@contextmanager
def wav_writer(path: Path, rate: int = SAMPLE_RATE) -> Iterator[wave.Wave_write]:
    """A file that takes the bytes of samples, as they come, until the block is left."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        yield file


def write_wav(path: Path, samples: Int16[np.ndarray, " samples"], rate: int = SAMPLE_RATE) -> None:
    """All samples at once. rate: Hz."""
    with wav_writer(path, rate) as file:
        file.writeframes(samples.astype("<i2", copy=False).tobytes())
