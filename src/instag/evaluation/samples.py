"""The frames that a person should look at: the best, the worst, and the mouth at even steps. Few are kept, however many pass."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
from jaxtyping import UInt8

from instag.evaluation.boxes import Box, Place
from instag.evaluation.image import Likeness
from instag.evaluation.missing import Missing
from instag.evaluation.pair import Pair

SHOWN = 3
"""Frames of each kind."""
MOUTHS = 24
MOUTH_SIDE = 112
"""Pixels a mouth is shown at."""


@final
@dataclass(frozen=True, kw_only=True)
class Sample:
    """A frame and its PSNR in dB, in the place it was judged by."""

    pair: Pair
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
    """best, worst: by the PSNR of `place`. mouths: at even steps in time."""

    best: list[Sample]
    worst: list[Sample]
    mouths: list[MouthSample]
    place: Place


@final
class Sampling:
    """Chooses from pairs that come one by one."""

    def __init__(self) -> None:
        self._best: list[tuple[float, int, Pair]] = []
        self._worst: list[tuple[float, int, Pair]] = []
        self._mouths: list[MouthSample] = []
        self._step, self._seen = 1, 0
        self._place: Place = "head"

    def add(self, pair: Pair, boxes: Mapping[Place, Box], likeness: Mapping[Place, Likeness]) -> None:
        """The next pair, its boxes, and how near it is in each."""
        judged = likeness.get(self._place, likeness["full"]).psnr
        if not isinstance(judged, Missing):
            for heap, value in ((self._best, judged), (self._worst, -judged)):
                heapq.heappush(heap, (value, pair.index, pair))
                if len(heap) > SHOWN:
                    heapq.heappop(heap)
        if "mouth" in boxes and self._seen % self._step == 0:
            painted, truth = (
                cv2.resize(boxes["mouth"].cut(picture), (MOUTH_SIDE, MOUTH_SIDE), interpolation=cv2.INTER_AREA) for picture in (pair.painted, pair.truth)
            )
            self._mouths.append(MouthSample(index=pair.index, painted=painted.astype(np.uint8), truth=truth.astype(np.uint8)))
            if len(self._mouths) == 2 * MOUTHS:
                self._mouths, self._step = self._mouths[::2], 2 * self._step
        self._seen += 1

    def samples(self) -> Samples:
        """What was kept; best first, worst first."""
        best = [Sample(pair=pair, psnr=value) for value, _, pair in sorted(self._best, key=lambda entry: -entry[0])]
        worst = [Sample(pair=pair, psnr=-value) for value, _, pair in sorted(self._worst, key=lambda entry: -entry[0])]
        return Samples(best=best, worst=worst, mouths=self._mouths, place=self._place)
