"""Which frame comes next: mostly any, now and then one in which what is learned can be seen
(docs/method.md#pre-training and 7).

A window over a measured value (mouth opening, blink, AU25) slides with training time. A window that
holds no frame is answered with the nearest frames by value, so a silent column can not make the
choice hang.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

NEAREST = 8
"""Frames to choose from where the window holds none."""


@dataclass(frozen=True, kw_only=True)
class SlidingWindow:
    """Each `every`-th frame drawn is one whose value lies in [low, high], both linear in training
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
    each `every`-th frame drawn."""
    drawn = torch.randint(frames, (count,), generator=generator).tolist()
    turns = [place for place in range(count) if (step * count + place) % window.every == 0]
    if not turns:
        return drawn
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
        drawn[place] = int(inside[pick])
    return drawn
