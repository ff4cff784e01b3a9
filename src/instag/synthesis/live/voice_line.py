"""The voice line: all that one live head is to say, recording after recording, on its way to the
ear."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Float

from instag.speech.lips.live_ear import LiveEar
from instag.types import SAMPLE_RATE, SAMPLES

STALL_S = 0.25
"""A recording into which nothing was pushed for so long counts as complete."""


@final
@dataclass(kw_only=True)
class _Recording:
    """Sound that the ear did not get yet."""

    pieces: list[Float[np.ndarray, " n"]] = field(default_factory=list)
    ended: bool = False


@final
class VoiceLine:
    """Any thread may push, end and clear. The ear belongs to the thread that takes turns."""

    def __init__(self, ear: LiveEar, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.ear, self._clock = ear, clock
        self._recordings: deque[_Recording] = deque()  # the first one is in the ear
        self._lock = threading.Lock()
        self._pushed_at, self._is_cleared = clock(), False

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that were not said yet."""
        with self._lock:
            heard = 0 if self._is_cleared else max(0, self.ear.waiting)
            waiting = sum(len(piece) for each in self._recordings for piece in each.pieces)
        return (heard + waiting) / SAMPLE_RATE

    def push(self, samples: Float[np.ndarray, " n"]) -> None:
        """More of the recording that has not ended, or the first of another; mono, 16 kHz. Nobody
        may change them any more."""
        with self._lock:
            self._pushed_at = self._clock()
            if not self._recordings or self._recordings[-1].ended:
                self._recordings.append(_Recording())
            self._recordings[-1].pieces.append(samples)

    def end(self) -> None:
        """The recording is complete."""
        with self._lock:
            if self._recordings:
                self._recordings[-1].ended = True

    def clear(self) -> None:
        """Drop all sound; the ear forgets it at its next turn."""
        with self._lock:
            self._recordings.clear()
            self._is_cleared = True

    def take_turn(self) -> bool:
        """Give the ear what was pushed. Whether it has a frame to hear now."""
        with self._lock:
            if self._is_cleared:
                self.ear.restart()
                self._is_cleared = False
            while self._recordings and not self._feed(self._recordings[0]):
                self._recordings.popleft()
                self.ear.restart()
            return self.ear.ready

    def _feed(self, recording: _Recording) -> bool:
        """Whether there is anything of it to be said now or later."""
        for piece in recording.pieces:
            self.ear.push(piece)
        recording.pieces = []
        recording.ended = recording.ended or self._stalled()
        if recording.ended and not self.ear.ended:
            self.ear.end()
        return not self.ear.finished

    def _stalled(self) -> bool:
        return self.ear.waiting > 0 and self._clock() - self._pushed_at > STALL_S

    def skip_surplus(self, *, most_s: float) -> bool:
        """Drop a frame of sound that came too early, if there is one: whether there was. most_s: of
        sound that may wait beyond the look-ahead."""
        surplus = self.ear.waiting - self.ear.ahead
        if self.ear.ended or surplus < max(SAMPLES, most_s * SAMPLE_RATE):
            return False
        self.ear.skip()
        return True
