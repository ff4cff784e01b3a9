"""KeptPictures: decoded pictures of a clip while it is being made, so that its stages decode each
of them once."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import final

import numpy as np
from jaxtyping import UInt8

MOST_KEPT = 3 * 2**26
"""Bytes: frames, regions and mattes of six seconds at 512 x 512."""

Picture = UInt8[np.ndarray, "h w ..."]


@final
class KeptPictures:
    """Pictures by the path of their file: of those that come first, `most` bytes. Whoever takes one
    gets an array of its own. Threads may call it at the same time."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most, self._bytes = most, 0
        self._pictures: dict[Path, Picture] = {}
        self._lock = Lock()

    def picture(self, path: Path, read: Callable[[], Picture]) -> Picture:
        """That of a file, which `read` decodes where it is not kept."""
        kept = self._pictures.get(path)
        if kept is not None:
            return kept.copy()
        picture = read()
        self.keep(path, picture)
        return picture

    def keep(self, path: Path, picture: Picture) -> None:
        """Keep a copy in place of what was kept of this file, if there is room."""
        with self._lock:
            before = self._pictures.pop(path, None)
            self._bytes -= 0 if before is None else before.nbytes
            if self._bytes + picture.nbytes <= self._most:
                self._pictures[path] = picture.copy()
                self._bytes += picture.nbytes

    def forget(self, path: Path) -> None:
        """Keep nothing of this file."""
        with self._lock:
            before = self._pictures.pop(path, None)
            self._bytes -= 0 if before is None else before.nbytes

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._pictures.clear()
            self._bytes = 0
