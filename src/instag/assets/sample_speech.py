"""The two bundled recordings of synthetic speech, with the times of their phonemes."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from instag.media.reader import read_sound
from instag.types import SAMPLE_RATE

BUNDLED = Path(__file__).parents[1] / "bundled"
NAMES = ("speech_one", "speech_two")


@dataclass(frozen=True, kw_only=True)
class Phoneme:
    """One sound of speech in espeak-ng's notation, `_` for silence; start and end in seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Recording:
    """16 kHz mono in [-1, 1], with its text and the times of its phonemes. path: the sound file."""

    text: str
    waveform: Float[np.ndarray, " samples"]
    phonemes: tuple[Phoneme, ...]
    path: Path

    @property
    def seconds(self) -> float:
        return len(self.waveform) / SAMPLE_RATE


def recording(name: str = "speech_one") -> Recording:
    """One of the bundled recordings, by its name in NAMES. Made with espeak-ng
    (tools/record_synthetic_speech.py)."""
    path = BUNDLED / f"{name}.ogg"
    content = json.loads((BUNDLED / f"{name}.json").read_text())
    phonemes = tuple(
        Phoneme(name=phoneme, start=start, end=end) for phoneme, start, end in content["phonemes"]
    )
    return Recording(
        text=content["text"], waveform=read_sound(path, SAMPLE_RATE), phonemes=phonemes, path=path
    )
