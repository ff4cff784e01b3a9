"""A speech front end: a waveform in, one array of features for each frame of a 25 fps video out."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from instag.types import FPS, Conditioning


class FrontEnd(ABC):
    """Features of speech, or lip codes, that drive a motion field: one window `[channels, steps]`
    for each video frame (docs/method.md#speech-features).

    kind, channels, steps: as in Conditioning. lookback, lookahead: seconds of sound before and
    after the middle of a frame that its features depend on; for a model without a bound, as far as
    it matters. piece: frames that are computed together, which bounds the memory.
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
        """What drives a field that gets these features."""
        return Conditioning(kind=self.kind, channels=self.channels, steps=self.steps)

    @abstractmethod
    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f channels steps"]:
        """Features of a mono 16 kHz waveform in [-1, 1]: one window a frame, f = ceil(samples /
        640), silence outside."""

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "FrontEnd":
        """The same front end set to what only the whole recording shows, such as its loudness, so
        that pieces give the features of the whole."""
        return self

    def calibrated_by(self, pieces: Iterable[Float[Tensor, " samples"]]) -> "FrontEnd":
        """The same for a recording that comes in pieces. Front ends that are set to more than a
        loudness join them first."""
        return self.calibrated(torch.cat([torch.zeros(0), *pieces]))
