"""Speech windows: what a head's fields take of the sound around each frame."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.runtime.device_copy import to_device_async
from instag.speech.feature_stream import FeatureStream
from instag.speech.front_end import FrontEnd
from instag.speech.windows import windows
from instag.types import WINDOWS


@final
class SpeechWindows:
    """One recording, pushed in pieces of any size and taken as windows of batches of frames, on the
    device that renders."""

    def __init__(
        self,
        front_end: FrontEnd,
        device: torch.device,
        *,
        piece: int | None = None,
        calibrate: bool = True,
    ) -> None:
        """piece, calibrate: as in FeatureStream."""
        self._stream = FeatureStream(front_end, piece=piece, calibrate=calibrate)
        self._device = device
        self._held = torch.zeros(0, front_end.channels, front_end.steps, device=device)
        self._offset = self._position = self._ready = 0
        self.ended = False

    def push(self, waveform: Float[Tensor, " samples"]) -> None:
        """More of the recording, mono, 16 kHz; kept without a copy."""
        self._stream.push(waveform)

    def end(self) -> None:
        """The recording is complete."""
        self.ended = True
        self._stream.end()

    @property
    def exhausted(self) -> bool:
        """Whether all windows of the whole recording were taken."""
        return self._stream.exhausted and self._position >= self._ready

    def take(self, batch: int) -> Float[Tensor, "b 8 channels steps"] | None:
        """The windows of the next frames, at most `batch`, or None until there is enough sound."""
        while self._position >= self._ready:
            features = self._stream.take()
            if features is None:
                return None
            self._hold(features)
        start, end = self._position, min(self._position + batch, self._ready)
        self._position = end
        frames = torch.arange(start - self._offset, end - self._offset, device=self._device)
        return windows(self._held, frames)

    def _hold(self, features: Float[Tensor, "f channels steps"]) -> None:
        """Join features to the few before them that windows reach back to. The last frames wait for
        the features after them, which their windows reach too."""
        drop = max(0, self._position - WINDOWS - self._offset)
        self._held = torch.cat([self._held[drop:], to_device_async(features, self._device)])
        self._offset += drop
        known = self._offset + len(self._held)
        self._ready = known if self._stream.exhausted else known - WINDOWS
