"""The voice line: all that one live head is to say, recording after recording, as frames of sound
with their lip codes."""

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
    """Sound that waits for the recordings before it."""

    pieces: list[Float[np.ndarray, " n"]] = field(default_factory=list)
    ended: bool = False


@final
class VoiceLine:
    """Sound is pushed by one thread and heard by another."""

    def __init__(self, ear: LiveEar, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.ear, self._clock = ear, clock
        self._later: deque[_Recording] = deque()
        self._lock = threading.Lock()
        self._pushed_at = clock()

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that were not said yet."""
        with self._lock:
            later = sum(len(piece) for each in self._later for piece in each.pieces)
            return max(0, self.ear.waiting + later) / SAMPLE_RATE

    def push(self, samples: Float[np.ndarray, " n"]) -> None:
        """More of the recording that has not ended, or the first of another; mono, 16 kHz."""
        with self._lock:
            self._pushed_at = self._clock()
            if not self._later and not self.ear.ended:
                self.ear.push(samples)
                return
            if not self._later or self._later[-1].ended:
                self._later.append(_Recording())
            self._later[-1].pieces.append(samples)

    def end(self) -> None:
        """The recording is complete."""
        with self._lock:
            if self._later:
                self._later[-1].ended = True
            elif self.ear.waiting > 0:
                self.ear.end()

    def clear(self) -> None:
        """Drop all sound."""
        with self._lock:
            self._later.clear()
            self.ear.restart()

    def take_turn(self) -> bool:
        """Whether the ear has a frame to hear now; lets the next recording begin where one is
        over."""
        with self._lock:
            if self.ear.finished:
                self._begin_next()
            elif self._stalled():
                self.ear.end()
            return self.ear.ready

    def skip_surplus(self, *, most_s: float) -> bool:
        """Drop a frame of sound that came too early, if there is one: whether there was. most_s: of
        sound that may wait beyond the look-ahead."""
        with self._lock:
            surplus = self.ear.waiting - self.ear.ahead
            if self._later or self.ear.ended or surplus < max(SAMPLES, most_s * SAMPLE_RATE):
                return False
            self.ear.skip()
            return True

    def _stalled(self) -> bool:
        quiet_s = self._clock() - self._pushed_at
        return self.ear.waiting > 0 and not self.ear.ended and quiet_s > STALL_S

    def _begin_next(self) -> None:
        self.ear.restart()
        if self._later:
            recording = self._later.popleft()
            for piece in recording.pieces:
                self.ear.push(piece)
            if recording.ended and self.ear.waiting > 0:
                self.ear.end()
