"""Which frame comes next: mostly any, now and then one in which what is learned can be seen
(docs/method.md#pre-training and 7).

A window over a measured value (mouth opening, blink, AU25) slides with training time. A window that
holds no frame is answered with the nearest frames by value, so a silent column can not make the
choice hang.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.data.clip_dataset import ClipDataset
from instag.types import BLINK, Region

NEAREST = 8
"""Frames to choose from where the window holds none."""
FACE_EVERY = 15
"""Each so many-th frame of a face is one of the window's."""
HIGHEST_OPENING = 0.95
"""Quantile of a mouth's opening above which all count alike."""
FEWEST_MOUTH_PIXELS = 20


@dataclass(frozen=True, kw_only=True)
class SlidingWindow:
    """Each `every`-th frame sampled is one whose value lies in [low, high], both linear in training
    time from `start` to `end`."""

    values: Float[Tensor, " f"]
    every: int
    low: tuple[float, float]
    high: tuple[float, float]

    def bounds(self, progress: float) -> tuple[float, float]:
        """The window at progress 0..1."""
        between = [a + (b - a) * min(max(progress, 0.0), 1.0) for a, b in (self.low, self.high)]
        return between[0], between[1]


def sliding(values: Float[Tensor, " f"], every: int, width: float = 0.4) -> SlidingWindow:
    """A window of a fixed width (of the range) that slides from the smallest to the largest
    value."""
    least, most = float(values.min()), float(values.max())
    span = (most - least) * width
    return SlidingWindow(
        values=values, every=every, low=(least, most - span), high=(least + span, most)
    )


def growing_down(
    values: Float[Tensor, " f"], every: int, *, first: float = 0.75, last: float = 0.25
) -> SlidingWindow:
    """A window from the maximum down to a quantile that falls from `first` to `last` (the mouth:
    from wide open to nearly all)."""
    top = float(values.max())
    bottom = [float(torch.quantile(values, q)) for q in (first, last)]
    return SlidingWindow(values=values, every=every, low=(bottom[0], bottom[1]), high=(top, top))


def choose(
    window: SlidingWindow,
    *,
    step: int,
    progress: float,
    count: int,
    frames: int,
    generator: torch.Generator,
) -> list[int]:
    """`count` frame positions in 0..frames-1: any, or within the window on its turn, which comes
    each `every`-th frame sampled."""
    sampled = torch.randint(frames, (count,), generator=generator).tolist()
    turns = [place for place in range(count) if (step * count + place) % window.every == 0]
    if not turns:
        return sampled
    low, high = window.bounds(progress)
    inside = torch.nonzero((window.values >= low) & (window.values <= high))[:, 0]
    if len(inside) == 0:
        inside = (
            (window.values - (low + high) / 2)
            .abs()
            .topk(min(NEAREST, frames), largest=False)
            .indices
        )
    for place, pick in zip(
        turns, torch.randint(len(inside), (len(turns),), generator=generator).tolist(), strict=True
    ):
        sampled[place] = int(inside[pick])
    return sampled


@dataclass(frozen=True, kw_only=True)
class FaceCurriculum:
    """Frames of a face by step, `batch` a step: in the first `opening_steps` of `steps` those in
    which the mouth opens come more often, then those in which eyes close."""

    openings: SlidingWindow
    blinks: SlidingWindow
    opening_steps: int
    steps: int
    batch: int

    def sample(self, step: int, generator: torch.Generator) -> list[int]:
        """Rows of a step."""
        early = step < self.opening_steps
        window = self.openings if early else self.blinks
        span = self.opening_steps if early else self.steps - self.opening_steps
        return choose(
            window,
            step=step,
            progress=(step if early else step - self.opening_steps) / max(1, span),
            count=self.batch,
            frames=len(window.values),
            generator=generator,
        )


def face_curriculum(
    dataset: ClipDataset, frames: Sequence[int], *, opening_steps: int, steps: int, batch: int
) -> FaceCurriculum:
    """By the height of the inner lips and AU45."""
    some = torch.tensor(frames)
    blink = (dataset.unit(BLINK).cpu()[some] / 2).clamp(0, 1)
    return FaceCurriculum(
        openings=sliding(dataset.mouth_opening[some], every=FACE_EVERY),
        blinks=sliding(blink, every=FACE_EVERY),
        opening_steps=opening_steps,
        steps=steps,
        batch=batch,
    )


@dataclass(frozen=True, kw_only=True)
class MouthCurriculum:
    """Frames of the inside of a mouth by step, `batch` a step: in the first `wide_steps` of `steps`
    wide open ones alone, then more and more of `rows`, which show it."""

    rows: Int[Tensor, " r"]
    wide: Int[Tensor, " w"]
    openings: SlidingWindow
    wide_steps: int
    steps: int
    batch: int

    def sample(self, step: int, generator: torch.Generator) -> list[int]:
        """Rows of a step."""
        if step < self.wide_steps:
            places = torch.randint(len(self.wide), (self.batch,), generator=generator)
            return self.wide[places].tolist()
        chosen = choose(
            self.openings,
            step=step,
            progress=(step - self.wide_steps) / max(1, self.steps - self.wide_steps),
            count=self.batch,
            frames=len(self.rows),
            generator=generator,
        )
        return self.rows[chosen].tolist()


def mouth_curriculum(
    dataset: ClipDataset,
    frames: Sequence[int],
    *,
    wide_open: float,
    every: int,
    wide_steps: int,
    steps: int,
    batch: int,
) -> MouthCurriculum:
    """By AU25, or by the height of the inner lips where that is silent. wide_open: quantile from
    which a mouth is wide open."""
    rows = rows_with_mouth(dataset, frames)
    unit, height = (
        values[torch.tensor(frames)[rows]] for values in (dataset.mouth_unit, dataset.mouth_opening)
    )
    opening = unit if float(unit.max()) > float(unit.min()) else height
    highest = float(torch.quantile(opening, HIGHEST_OPENING))
    return MouthCurriculum(
        rows=rows,
        wide=rows[opening >= torch.quantile(opening, wide_open)],
        openings=growing_down(opening.clamp(max=highest), every, first=wide_open),
        wide_steps=wide_steps,
        steps=steps,
        batch=batch,
    )


def rows_with_mouth(dataset: ClipDataset, frames: Sequence[int]) -> Int[Tensor, " r"]:
    """Rows of the frames that show the inside of the mouth; all rows where none does."""
    pixels = [
        int(np.isin(dataset.regions(index), (Region.MOUTH, Region.TEETH)).sum()) for index in frames
    ]
    shown = torch.nonzero(torch.tensor(pixels) >= FEWEST_MOUTH_PIXELS)[:, 0]
    return shown if len(shown) else torch.arange(len(frames))
