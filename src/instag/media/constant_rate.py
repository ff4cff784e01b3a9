"""Frames of any rate shown at a constant one: each time shows the frame nearest to it."""

import math
import sys
from collections.abc import Iterable, Iterator
from typing import final

from av.video.frame import VideoFrame

LATEST_START_S = 60.0
"""Time before the first decoded frame, at most, in which that one is shown: what came before it
could not be decoded."""
LONGEST_HOLD_S = 60.0
"""The same after the last one."""
EARLIEST_S = 0.1
"""How long before its own time a frame is shown, at most, though it is the nearest."""
LONGEST_LAST_S = 1.0
"""How long the last frame is shown, at most."""


@final
class ConstantRate:
    """Shows frames `fps` times a second, `limit` at most. emitted: how many were shown. seconds:
    the end of the last frame's time. origin: the stamped time of the first one shown. undecoded:
    seconds before the first decoded frame."""

    def __init__(self, fps: float, step: float, start: float, limit: int = sys.maxsize) -> None:
        """step: seconds of a frame without a length of its own, and from one to the next that has
        no time. start: the picture's beginning, infinity where its first frame is that."""
        self._fps, self._step, self._start, self._limit = fps, step, start, limit
        self.emitted, self.seconds, self.origin = 0, 0.0, 0.0
        self.decoded, self.undecoded = 0, 0.0
        self._known, self._untimed = 0.0, 0

    @property
    def full(self) -> bool:
        """Whether the limit was reached."""
        return self.emitted >= self._limit

    def show(self, frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, int, int]]:
        """Each frame that is shown, with the first of the constant rate's frames that show it and
        the one after the last."""
        shown, shown_time = None, 0.0
        for frame in frames:
            time = self._time(frame)
            if shown is not None and time <= shown_time:
                continue
            if shown is not None:
                middle = (shown_time + time) / 2
                yield from self._until(shown, max(middle, time - EARLIEST_S), 1e-6)
                if self.full:
                    return
            shown, shown_time = frame, time
            self.seconds = time + self._length(frame)
        if shown is not None:
            yield from self._until(shown, self.seconds, 1e-3)

    def hold(self, time: float) -> None:
        """Show the last frame on to that of this stamped time: those after it could not be
        decoded."""
        end = time - self.origin + self._step
        self.seconds = max(self.seconds, min(end, self.seconds + LONGEST_HOLD_S))

    def _time(self, frame: VideoFrame) -> float:
        """Seconds from the picture's beginning."""
        if frame.time is not None:
            self._known, self._untimed = frame.time, 0
        time = self._known + self._untimed * self._step
        self._untimed += 1
        if self.decoded == 0:
            late = time - self._start
            self.undecoded = late if 0.5 * self._step < late < LATEST_START_S else 0.0
            self.origin = time - self.undecoded
        self.decoded += 1
        return time - self.origin

    def _length(self, frame: VideoFrame) -> float:
        stored = (
            float(frame.duration * frame.time_base)
            if frame.duration and frame.time_base
            else self._step
        )
        return min(max(stored, 0.5 * self._step), LONGEST_LAST_S)

    def _until(
        self, frame: VideoFrame, seconds: float, slack: float
    ) -> Iterator[tuple[VideoFrame, int, int]]:
        due = min(self._limit, math.ceil(seconds * self._fps - slack))
        if self.emitted < due:
            first, self.emitted = self.emitted, due
            yield frame, first, due
