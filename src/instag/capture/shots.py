"""Shots: the stretches of a video between its cuts, told from pictures squeezed to a few pixels.

A cut changes most of the picture from one frame to the next, while the frames around it change
little, and no frame shortly after looks like one shortly before: so neither a flash nor a head that
turns fast nor a camera that swings is a cut. A dissolve is found where a frame is the mean of those
half a second around it, which do not look alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.media.timecode import clock

SIDE = 24
"""Width and height in pixels of the squeezed pictures."""
CHANGED = 20
"""Levels of 255 by which a pixel must change to count."""
CUT_SHARE = 0.3
"""Share of pixels that a cut changes, at least. A speaker's own moves change up to 0.21 between
frames; other people, other places 0.36 and more."""
SUDDEN = 2.5
"""A cut's change over that of the frames around it."""
FLASH = 6
"""Frames that a flash may last."""
AROUND = 4
"""Frames before and after that tell what change is usual."""
JUMP_SIZE, JUMP_SUDDEN = 6.0, 6.0
"""Mean change in levels, and change over that of the frames around, from which the picture is said
to jump within a shot."""
DISSOLVE = 12
"""Frames from the middle of a dissolve to either side."""
DISSOLVE_SHARE, DISSOLVE_REST, ALIKE = 0.5, 0.25, 0.6
"""Share of pixels that a dissolve changes; what of its middle its ends do not explain; correlation
of pictures that show the same."""

Squeezed = UInt8[np.ndarray, "n n 3"]


@final
@dataclass(frozen=True, kw_only=True)
class Shot:
    """Frames from `first` to before `end`, counted from the video's first at 25 a second."""

    first: int
    end: int

    def __len__(self) -> int:
        return self.end - self.first

    def __str__(self) -> str:
        return f"{clock(self.first)} to {clock(self.end)}"


@final
@dataclass(frozen=True, kw_only=True)
class Shots:
    """All shots of a video in their order, and the frames at which the picture jumps without a
    change of scene (a cut out of one take)."""

    shots: tuple[Shot, ...]
    jumps: tuple[int, ...]


def find_shots(pictures: Iterable[Squeezed]) -> Shots:
    """Where the pictures of a video at 25 a second are cut; each is kept, at SIDE x SIDE pixels
    (1.7 kB)."""
    kept = list(pictures)
    if len(kept) < 2:
        return Shots(shots=(Shot(first=0, end=len(kept)),), jumps=())
    steps = np.array(
        [[_share(before, after), _mean(before, after)] for before, after in pairwise(kept)]
    )
    usual = _usual(steps[:, 1])
    cuts = [
        i
        for i in range(1, len(kept))
        if steps[i - 1, 0] >= CUT_SHARE
        and steps[i - 1, 1] >= SUDDEN * usual[i - 1]
        and not _comes_back(kept, i)
    ]
    sudden = np.flatnonzero((steps[:, 1] >= JUMP_SIZE) & (steps[:, 1] >= JUMP_SUDDEN * usual)) + 1
    jumps = [
        int(i)
        for i in sudden
        if not _comes_back(kept, int(i), jump=True)
        and min((abs(i - cut) for cut in cuts), default=FLASH) >= FLASH
    ]
    fades = [
        (i - DISSOLVE, i + DISSOLVE)
        for i in _dissolves(kept)
        if min((abs(i - cut) for cut in cuts), default=2 * DISSOLVE) > DISSOLVE
    ]
    gaps = sorted([(cut, cut) for cut in cuts] + fades)
    edges = [0, *(edge for gap in gaps for edge in gap), len(kept)]
    shots = tuple(
        Shot(first=first, end=end)
        for first, end in zip(edges[::2], edges[1::2], strict=True)
        if end > first
    )
    return Shots(shots=shots, jumps=tuple(jumps))


def _share(one: Squeezed, other: Squeezed) -> float:
    """Share of pixels that differ."""
    return float((cv2.absdiff(one, other).max(-1) > CHANGED).mean())


def _mean(one: Squeezed, other: Squeezed) -> float:
    return float(cv2.absdiff(one, other).mean())


def _usual(change: Float[np.ndarray, " f"]) -> Float[np.ndarray, " f"]:
    """The upper quartile of the changes around each, itself left out; half a level at least."""
    padded = np.pad(change, AROUND, constant_values=np.nan)
    around = np.stack(
        [
            padded[AROUND + shift : AROUND + shift + len(change)]
            for shift in range(-AROUND, AROUND + 1)
            if shift
        ]
    )
    known = np.isfinite(around).any(0)
    usual = np.zeros(len(change))
    usual[known] = np.nanquantile(around[:, known], 0.75, axis=0)
    return np.maximum(usual, 0.5)


def _comes_back(kept: list[Squeezed], index: int, *, jump: bool = False) -> bool:
    """Whether a picture soon after looks like one soon before: a flash."""
    before, after = kept[max(0, index - FLASH) : index], kept[index : index + FLASH]
    if jump:
        return min(_mean(one, other) for one in before for other in after) < JUMP_SIZE / 2
    return min(_share(one, other) for one in before for other in after) < max(
        CUT_SHARE, _share(before[-1], after[0]) / 2
    )


def _dissolves(kept: list[Squeezed]) -> list[int]:
    """Middles of dissolves and of fades through one colour."""
    found: list[tuple[float, int]] = []
    for index in range(DISSOLVE, len(kept) - DISSOLVE):
        before, now, after = kept[index - DISSOLVE], kept[index], kept[index + DISSOLVE]
        if _share(before, after) < DISSOLVE_SHARE:
            continue
        ends, middle = (
            np.subtract(before, after, dtype=np.float32),
            now - np.add(before, after, dtype=np.float32) / 2,
        )
        rest = float(np.abs(middle).mean() / np.abs(ends).mean())
        if rest < DISSOLVE_REST and _alike(before, after) < ALIKE:
            found.append((rest, index))
    chosen: list[int] = []
    for _, index in sorted(found):
        if all(abs(index - other) > 2 * DISSOLVE for other in chosen):
            chosen.append(index)
    return sorted(chosen)


def _alike(one: Squeezed, other: Squeezed) -> float:
    """Correlation of brightness: 1 where only the light changed."""
    a, b = (picture.mean(-1).ravel() - picture.mean() for picture in (one, other))
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-6))
