"""A queue of sound: samples go in as they come and come out in pieces of exact length, such as one
for each frame of a video."""

from collections import deque
from collections.abc import Iterable
from typing import final

import numpy as np
from jaxtyping import Float


@final
class SampleQueue:
    """Samples in the order they were pushed. Pieces are kept as they are, without a copy: nobody
    may change them any more."""

    def __init__(self, sample: tuple[int, ...] = ()) -> None:
        """sample: the shape of one, (2,) for stereo."""
        self._sample = sample
        self._pieces: deque[np.ndarray] = deque()
        self._waiting = 0

    def __len__(self) -> int:
        """Samples that wait."""
        return self._waiting

    def push(self, samples: Float[np.ndarray, "samples *sample"]) -> None:
        """More samples, kept without a copy."""
        self._pieces.append(samples)
        self._waiting += len(samples)

    def take(self, count: int) -> Float[np.ndarray, "count *sample"]:
        """The next `count` samples; silence in place of those that are not there."""
        taken = np.zeros((count, *self._sample), np.float32)
        filled = 0
        while self._pieces and filled < count:
            piece = self._pieces.popleft()
            part = piece[: count - filled]
            taken[filled : filled + len(part)] = part
            filled += len(part)
            if len(part) < len(piece):
                self._pieces.appendleft(piece[len(part) :])
        self._waiting -= filled
        return taken


@final
class SoundCutter:
    """Sound in pieces of any length, cut into one piece for each frame of a video; silence once it
    has ended. Nothing is read before it is needed."""

    def __init__(
        self,
        pieces: Iterable[Float[np.ndarray, "samples *sample"]],
        rate: int,
        fps: int,
        *,
        stereo: bool = False,
    ) -> None:
        """rate: samples a second. stereo: each piece has two channels."""
        self._pieces, self._rate, self._fps = iter(pieces), rate, fps
        self._queue, self._frames = SampleQueue((2,) if stereo else ()), 0

    def next_frame(self) -> Float[np.ndarray, "samples *sample"]:
        """The sound of the next frame. Raises what reading the pieces raises."""
        start, end = (
            round(frame * self._rate / self._fps) for frame in (self._frames, self._frames + 1)
        )
        self._frames += 1
        while len(self._queue) < end - start:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._queue.push(piece)
        return self._queue.take(end - start)
