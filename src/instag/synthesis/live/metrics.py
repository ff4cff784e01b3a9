"""Metrics of a live session: how evenly its pictures come, and how far from their sound."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

KEPT = 1_500
"""Frames over which percentiles are taken: one minute."""
MOST_PENDING = 50
"""Frames whose picture may still come."""


@final
@dataclass(frozen=True, kw_only=True)
class Spread:
    """Percentiles of times, ms."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Those of seconds; 0 where there are none."""
        ordered = sorted(values)
        if not ordered:
            return cls(p50=0.0, p95=0.0, p99=0.0)
        at = [ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95, 99)]
        p50, p95, p99 = (round(1e3 * value, 1) for value in at)
        return cls(p50=p50, p95=p95, p99=p99)


@final
class SessionMetrics:
    """Written by the studio's threads, read by any."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sounded: dict[int, float] = {}
        self._intervals: deque[float] = deque(maxlen=KEPT)
        self._skews: deque[float] = deque(maxlen=KEPT)
        self._last_number, self._last_at = -1, 0.0
        self.frames = self.skipped = 0

    @property
    def intervals_ms(self) -> Spread:
        """From picture to picture."""
        return Spread.of(list(self._intervals))

    @property
    def skews_ms(self) -> Spread:
        """How much later than its sound a frame's picture goes out."""
        return Spread.of(list(self._skews))

    def sounded(self, number: int) -> None:
        """The frame's sound went out."""
        self._sounded[number] = self._clock()
        self._sounded.pop(number - MOST_PENDING, None)

    def skip(self) -> None:
        """A picture came too late, and is not shown."""
        self.skipped += 1

    def shown(self, number: int) -> bool:
        """The frame's picture is ready. False where a later one went out."""
        if number <= self._last_number:
            self.skip()
            return False
        now, sounded_at = self._clock(), self._sounded.get(number)
        if self.frames:
            self._intervals.append(now - self._last_at)
        if sounded_at is not None:
            self._skews.append(now - sounded_at)
        self.frames += 1
        self._last_number, self._last_at = number, now
        return True
