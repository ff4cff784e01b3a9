"""KeptFrames: decoded frames in the host's memory up to a limit, those used longest ago dropped
first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import final

import numpy as np

Parts = tuple[np.ndarray, ...]


@final
class KeptFrames:
    """Used by any threads; two that ask for the same frame at once may both read it."""

    def __init__(self, most_bytes: int) -> None:
        """most_bytes: of all that is kept; one frame is kept whatever its size."""
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, Parts] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        """Keep none."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def get(self, key: Hashable, read: Callable[[], Parts]) -> Parts:
        """What is kept under a key, or what `read` returns."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        parts = read()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = parts
                self._bytes += sum(part.nbytes for part in parts)
            while self._bytes > self._most and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= sum(part.nbytes for part in dropped)
        return parts
