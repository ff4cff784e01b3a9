"""A speech front end: a waveform in, one array of features for each frame of a 25 fps video out."""

from abc import ABC, abstractmethod
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from instag.types import FPS, Conditioning


class FrontEnd(ABC):
    """What the motion fields hear. One window `[channels, steps]` for each video frame
    (docs/method.md#speech-features).

    kind, channels, steps: see Conditioning. lookback, lookahead: seconds of sound before and after
    the middle of a frame that its features depend on; for a model that hears all at once, beyond
    what matters to it. piece: frames that are computed at once, which bounds the memory.
    """

    name: str
    kind: Literal["audio", "lip_codes"] = "audio"
    channels: int
    steps: int
    lookback: float
    lookahead: float
    piece: int = 40 * FPS

    @property
    def conditioning(self) -> Conditioning:
        """What a field that hears these features is driven by."""
        return Conditioning(kind=self.kind, channels=self.channels, steps=self.steps)

    @abstractmethod
    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f channels steps"]:
        """Features of a mono 16 kHz waveform in [-1, 1]: one window a frame, f = ceil(samples /
        640), silence outside."""

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "FrontEnd":
        """The same front end set to what only a whole recording tells, such as its loudness. Pieces
        of the recording then sound as they do in it."""
        return self
