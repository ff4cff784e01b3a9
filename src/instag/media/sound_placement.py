"""Sound frames at their times: silence where none came, so that sample n belongs to time n /
rate."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import final

from av.audio.frame import AudioFrame

TOLERANCE_S = 0.015
"""Difference between a frame's time and its place in the sound from which it is moved: shorter than
a packet of any codec, longer than the rounding of times."""
LOOK_AHEAD = 4
"""Frames that must agree that sound is missing: single times tremble."""
PAUSE_S = 0.5
"""Calls send no sound in pauses, but a packet each 0.4 s: shorter holes are no damage."""
BLOCK_S = 1.0
"""Length of a frame of silence, at most."""


@final
class PlacedSound:
    """Frames of sound without holes and overlaps. missing: seconds that were filled so far, in
    `holes`; long_missing: of these, those that are no pauses of a call. repeated: seconds that were
    dropped because other sound has their time. longest_at: where the longest hole is, in seconds
    from the first frame."""

    def __init__(self) -> None:
        self.missing = self.repeated = 0.0
        self.holes = 0
        self.longest = self.longest_at = self.long_missing = 0.0
        self._origin: float | None = None
        self._place = 0.0

    @property
    def seconds(self) -> float:
        """The length of the sound so far."""
        return self._place

    def frames(self, frames: Iterable[AudioFrame]) -> Iterator[AudioFrame]:
        """The same frames, at their places."""
        waiting: deque[AudioFrame] = deque()
        for frame in frames:
            waiting.append(frame)
            if len(waiting) > LOOK_AHEAD:
                yield from self._next(waiting)
        while waiting:
            yield from self._next(waiting)

    def _next(self, waiting: deque[AudioFrame]) -> Iterator[AudioFrame]:
        """The first frame that waits, with silence before it, or without its beginning."""
        frame = waiting[0]
        if self._origin is None and frame.time is not None:
            self._origin = frame.time
        error = self._error(waiting)
        waiting.popleft()
        if error > 0:
            self._count_hole(error)
            yield from _silence(frame, round(error * frame.sample_rate))
            self._place += error
        elif error < 0:
            skip = round(-error * frame.sample_rate)
            self.repeated += min(skip, frame.samples) / frame.sample_rate
            if skip >= frame.samples:
                return
            frame = _without_start(frame, skip)
        self._place += frame.samples / frame.sample_rate
        yield frame

    def _error(self, waiting: deque[AudioFrame]) -> float:
        """Seconds of sound that are missing before the first frame; negative where there are too
        many; 0 where the frames do not agree."""
        if self._origin is None or waiting[0].time is None:
            return 0.0
        if abs(waiting[0].time - self._origin - self._place) <= TOLERANCE_S:
            return 0.0
        errors, place = [], self._place
        for frame in waiting:
            if frame.time is not None:
                errors.append(frame.time - self._origin - place)
            place += frame.samples / frame.sample_rate
        if min(errors) > TOLERANCE_S:
            return min(errors)
        return max(errors) if max(errors) < -TOLERANCE_S else 0.0

    def _count_hole(self, seconds: float) -> None:
        self.missing += seconds
        self.holes += 1
        self.long_missing += seconds if seconds > PAUSE_S else 0.0
        if seconds > self.longest:
            self.longest, self.longest_at = seconds, self._place


def _silence(like: AudioFrame, samples: int) -> Iterator[AudioFrame]:
    zero = b"\x80" if like.format.name.startswith("u8") else b"\0"
    while samples > 0:
        count = min(samples, round(BLOCK_S * like.sample_rate))
        frame = _empty(like, count)
        for plane in frame.planes:
            plane.update(zero * plane.buffer_size)
        yield frame
        samples -= count


def _without_start(frame: AudioFrame, skip: int) -> AudioFrame:
    kept = _empty(frame, frame.samples - skip)
    step = frame.format.bytes * (1 if frame.format.is_planar else frame.layout.nb_channels)
    for target, source in zip(kept.planes, frame.planes, strict=True):
        target.update(bytes(source)[skip * step : frame.samples * step])
    return kept


def _empty(like: AudioFrame, samples: int) -> AudioFrame:
    frame = AudioFrame(
        format=like.format.name, layout=like.layout.name, samples=samples, align=True
    )
    frame.sample_rate = like.sample_rate
    return frame
