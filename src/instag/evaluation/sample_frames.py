"""The frames that a person should look at: the best, the worst, and the mouth at even steps. Few
are kept, however many pass."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
from jaxtyping import UInt8

from instag.evaluation.crops import Box, Place
from instag.evaluation.held_out import FramePair
from instag.evaluation.image import ImageMetrics
from instag.evaluation.not_measured import NotMeasured

SHOWN = 3
"""Frames of each kind."""
APART = 12
"""Frames that lie between two of a kind at least: neighbours look alike."""
KEPT = 3 * (SHOWN - 1) + 1
"""Stretches of APART frames that must be kept to choose from: each frame that is shown rules out
its own stretch and the two beside it."""
MOUTHS = 24
MOUTH_SIDE = 112
"""Pixels a mouth is shown at."""


@final
@dataclass(frozen=True, kw_only=True)
class Sample:
    """A frame and its PSNR in dB, in the place it was judged by."""

    pair: FramePair
    psnr: float


@final
@dataclass(frozen=True, kw_only=True)
class MouthSample:
    """The mouth box of a frame, painted and true."""

    index: int
    painted: UInt8[np.ndarray, "s s 3"]
    truth: UInt8[np.ndarray, "s s 3"]


@final
@dataclass(frozen=True, kw_only=True)
class Samples:
    """best, worst: by the PSNR of `place`, 12 frames or more apart. mouths: at even steps in
    time."""

    best: list[Sample]
    worst: list[Sample]
    mouths: list[MouthSample]
    place: Place


@final
class Sampling:
    """Chooses from pairs that come one by one."""

    def __init__(self) -> None:
        self._best, self._worst = _Foremost(), _Foremost()
        self._mouths: list[MouthSample] = []
        self._step, self._seen = 1, 0
        self._place: Place = "head"

    def add(
        self, pair: FramePair, boxes: Mapping[Place, Box], likeness: Mapping[Place, ImageMetrics]
    ) -> None:
        """The next pair in time, its boxes, and how near it is in each."""
        judged = likeness.get(self._place, likeness["full"]).psnr
        if not isinstance(judged, NotMeasured):
            self._best.add(judged, pair)
            self._worst.add(-judged, pair)
        if "mouth" in boxes and self._seen % self._step == 0:
            painted, truth = (
                cv2.resize(
                    boxes["mouth"].cut(picture),
                    (MOUTH_SIDE, MOUTH_SIDE),
                    interpolation=cv2.INTER_AREA,
                )
                for picture in (pair.painted, pair.truth)
            )
            self._mouths.append(
                MouthSample(
                    index=pair.index, painted=painted.astype(np.uint8), truth=truth.astype(np.uint8)
                )
            )
            if len(self._mouths) == 2 * MOUTHS:
                self._mouths, self._step = self._mouths[::2], 2 * self._step
        self._seen += 1

    def samples(self) -> Samples:
        """What was kept; best first, worst first."""
        best = [Sample(pair=pair, psnr=value) for value, pair in self._best.chosen()]
        worst = [Sample(pair=pair, psnr=-value) for value, pair in self._worst.chosen()]
        return Samples(best=best, worst=worst, mouths=self._mouths, place=self._place)


@final
class _Foremost:
    """Pairs of the highest values that are not neighbours: the best of each stretch of APART
    frames, of the best KEPT stretches."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, int, FramePair]] = []
        self._stretch: tuple[float, int, FramePair] | None = None

    def add(self, value: float, pair: FramePair) -> None:
        """The next pair in time."""
        if self._stretch is not None and self._stretch[1] // APART == pair.index // APART:
            if value <= self._stretch[0]:
                return
        elif self._stretch is not None:
            heapq.heappush(self._kept, self._stretch)
            if len(self._kept) > KEPT:
                heapq.heappop(self._kept)
        # A copy: the pictures are often parts of a whole batch, which a view would keep alive.
        self._stretch = (
            value,
            pair.index,
            FramePair(index=pair.index, painted=pair.painted.copy(), truth=pair.truth.copy()),
        )

    def chosen(self) -> list[tuple[float, FramePair]]:
        """SHOWN at most, the highest first."""
        taken: list[tuple[float, FramePair]] = []
        everything = self._kept if self._stretch is None else [*self._kept, self._stretch]
        for value, index, pair in sorted(everything, key=lambda entry: (-entry[0], entry[1])):
            if len(taken) < SHOWN and all(abs(index - other.index) >= APART for _, other in taken):
                taken.append((value, pair))
        return taken
