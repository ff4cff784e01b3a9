"""A speech front end: a waveform in, one array of features for each frame of a 25 fps video out."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor

SAMPLE_RATE = 16_000
"""Samples a second that every front end takes."""


class FrontEnd(ABC):
    """What the motion fields hear. One window `[channels, steps]` for each video frame (METHOD 8)."""

    name: str
    channels: int
    steps: int

    @abstractmethod
    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f channels steps"]:
        """Features of a mono 16 kHz waveform in [-1, 1]: one window a frame, f = ceil(samples / 640)."""
