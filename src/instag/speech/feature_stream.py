"""Speech features of sound that comes bit by bit: the same as those of the whole recording."""

import math
from collections import deque
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.front_end import FrontEnd
from instag.types import FPS, SAMPLES

GRID = 5
"""Pieces begin on multiples of so many frames: 0.2 s, where the steps of 50, 80 and 100 a second
that front ends use meet the frames'."""


@final
class FeatureStream:
    """One recording, pushed in pieces of any size and taken as features in pieces of `piece`
    frames.

    A piece is computed once there is as much sound beyond it as the front end looks ahead, or once
    the recording has ended. How the sound was cut when it was pushed changes no feature.

    The front end is calibrated to the first samples that are pushed. Where it depends on the whole
    recording, such as on its loudness, push the whole first, or hand over a front end that is
    calibrated already, with `calibrate=False`.
    """

    def __init__(
        self, front_end: FrontEnd, *, piece: int | None = None, calibrate: bool = True
    ) -> None:
        """piece: frames that are computed at once, the front end's own number if not given. Fewer
        wait for less sound, and cost more: each piece computes its surroundings too."""
        self.front_end = front_end
        self._calibrated = not calibrate
        self._piece = max(GRID, (piece or front_end.piece) // GRID * GRID)
        self._before, self._after = (
            GRID * math.ceil((seconds * FPS + 1) / GRID)
            for seconds in (front_end.lookback, front_end.lookahead)
        )
        self._sound: deque[Tensor] = deque()
        self._first, self._samples, self._frame = 0, 0, 0
        self._ended = False

    def push(self, waveform: Float[Tensor, " samples"]) -> None:
        """More of the recording, mono, 16 kHz, in [-1, 1]; kept without a copy."""
        assert not self._ended, "a recording that has ended takes no more sound"
        if not self._calibrated:
            self.front_end, self._calibrated = self.front_end.calibrated(waveform), True
        self._sound.append(waveform)
        self._samples += len(waveform)

    def end(self) -> None:
        """The recording is complete."""
        self._ended = True

    @property
    def exhausted(self) -> bool:
        """Whether all features of the whole recording were taken."""
        return self._ended and (not self._sound or self._frame >= self._frames())

    @torch.no_grad()
    def take(self) -> Float[Tensor, "f channels steps"] | None:
        """The features of the next frames, or None until there is enough sound for them."""
        start = self._frame
        end = start + self._piece
        if self.exhausted or not (self._ended or (end + self._after) * SAMPLES <= self._samples):
            return None
        last = min(self._frames(), end + self._after)
        first = max(0, start - self._before)
        features = self.front_end(self._between(first * SAMPLES, last * SAMPLES))
        self._frame = min(end, self._frames()) if self._ended else end
        self._forget(max(0, self._frame - self._before) * SAMPLES)
        return features[start - first : self._frame - first]

    def _frames(self) -> int:
        """Frames of what was pushed so far."""
        return frames_of(self._samples)

    def _between(self, start: int, end: int) -> Float[Tensor, " samples"]:
        """Samples by their place in the recording."""
        if len(self._sound) > 1:
            self._sound = deque([torch.cat(tuple(self._sound))])
        return self._sound[0][start - self._first : end - self._first]

    def _forget(self, start: int) -> None:
        """Drop the samples before a place in the recording."""
        self._sound[0] = self._sound[0][start - self._first :]
        self._first = start


def frames_of(samples: int) -> int:
    """Frames of a video as long as so many samples at 16 kHz; at least one."""
    return max(1, math.ceil(samples / SAMPLES))
