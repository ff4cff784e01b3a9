"""Sample frames for a report: the best, the worst, and the mouth at even steps in time. The memory
does not depend on the number of frames."""

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
"""Frames of each kind in a report."""
MIN_DISTANCE = 12
"""Least distance in frames between two of a kind, because neighbours are similar."""
KEPT = 3 * (SHOWN - 1) + 1
"""Stretches of MIN_DISTANCE frames that must be kept to choose from: each frame that is shown rules
out its own stretch and the two beside it."""
MOUTHS = 24
"""Mouths that a report shows, at least (where there are as many frames)."""
MOUTH_SIDE = 112
"""Side in pixels of a mouth in the report."""


@final
@dataclass(frozen=True, kw_only=True)
class Sample:
    """A frame and its PSNR in dB, in the box by which it was chosen."""

    pair: FramePair
    psnr: float


@final
@dataclass(frozen=True, kw_only=True)
class MouthSample:
    """The mouth box of a frame, predicted and true."""

    index: int
    prediction: UInt8[np.ndarray, "s s 3"]
    truth: UInt8[np.ndarray, "s s 3"]


@final
@dataclass(frozen=True, kw_only=True)
class Samples:
    """best, worst: by PSNR in the box `place`, at least 12 frames apart. mouths: at even steps in
    time."""

    best: list[Sample]
    worst: list[Sample]
    mouths: list[MouthSample]
    place: Place


@final
class Sampling:
    """Chooses samples from a stream of pairs."""

    def __init__(self) -> None:
        self._best, self._worst = _TopPairs(), _TopPairs()
        self._mouths: list[MouthSample] = []
        self._step, self._seen = 1, 0
        self._sum, self._count = 0.0, 0
        self._place: Place = "head"

    def add(
        self, pair: FramePair, boxes: Mapping[Place, Box], metrics: Mapping[Place, ImageMetrics]
    ) -> None:
        """The next pair in time, its boxes, and its metrics in each box."""
        value = metrics.get(self._place, metrics["full"]).psnr
        if not isinstance(value, NotMeasured):
            self._best.add(value, pair)
            self._worst.add(-value, pair)
            self._sum, self._count = self._sum + value, self._count + 1
        if "mouth" in boxes and self._seen % self._step == 0:
            prediction, truth = (
                cv2.resize(
                    boxes["mouth"].cut(picture),
                    (MOUTH_SIDE, MOUTH_SIDE),
                    interpolation=cv2.INTER_AREA,
                )
                for picture in (pair.prediction, pair.truth)
            )
            self._mouths.append(
                MouthSample(
                    index=pair.index,
                    prediction=prediction.astype(np.uint8),
                    truth=truth.astype(np.uint8),
                )
            )
            if len(self._mouths) == 2 * MOUTHS:
                self._mouths, self._step = self._mouths[::2], 2 * self._step
        self._seen += 1

    def samples(self) -> Samples:
        """The chosen samples; best first, worst first. None of the best lies under the mean of all
        frames, and none of the worst above it."""
        best = [Sample(pair=pair, psnr=value) for value, pair in self._best.chosen()]
        worst = [Sample(pair=pair, psnr=-value) for value, pair in self._worst.chosen()]
        mean = self._sum / max(1, self._count)
        best = [sample for sample in best if sample.psnr >= mean]
        worst = [sample for sample in worst if sample.psnr <= mean]
        return Samples(best=best, worst=worst, mouths=self._mouths, place=self._place)


@final
class _TopPairs:
    """The pairs of highest value that are not neighbours: the best of each stretch of MIN_DISTANCE
    frames, of the best KEPT stretches."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, int, FramePair]] = []
        self._stretch: tuple[float, int, FramePair] | None = None

    def add(self, value: float, pair: FramePair) -> None:
        """The next pair in time."""
        if (
            self._stretch is not None
            and self._stretch[1] // MIN_DISTANCE == pair.index // MIN_DISTANCE
        ):
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
            FramePair(index=pair.index, prediction=pair.prediction.copy(), truth=pair.truth.copy()),
        )

    def chosen(self) -> list[tuple[float, FramePair]]:
        """At most SHOWN pairs, highest value first."""
        chosen: list[tuple[float, FramePair]] = []
        everything = self._kept if self._stretch is None else [*self._kept, self._stretch]
        for value, index, pair in sorted(everything, key=lambda entry: (-entry[0], entry[1])):
            if len(chosen) < SHOWN and all(
                abs(index - other.index) >= MIN_DISTANCE for _, other in chosen
            ):
                chosen.append((value, pair))
        return chosen
