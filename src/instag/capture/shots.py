"""Shots: the parts of a video between its cuts, found in pictures that are shrunk to a few pixels.

A cut changes most of the picture between two frames, while the frames around it change little, and
no frame shortly after is similar to one shortly before. This excludes flashes, fast turns of the
head and moving cameras. A dissolve is a frame that is the mean of the frames half a second before
and after, which differ. What fades in or out at an end of a shot is no part of it (`fades`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, UInt8

from instag.capture.fades import fade_in, fade_out
from instag.media.timecode import clock

SIDE = 24
"""Width and height in pixels of the shrunk pictures."""
CHANGED = 20
"""Levels of 255 by which a pixel must change to count."""
CUT_SHARE = 0.3
"""Least share of pixels that a cut changes. Movements of a speaker change up to 0.21 between
frames; other people and places 0.36 and more."""
SUDDEN = 2.5
"""Least ratio of a cut's change to that of the frames around it."""
FLASH_FRAMES = 6
"""Longest duration of a flash."""
NEIGHBOURS = 4
"""Frames before and after from which the typical change is computed."""
JUMP_SIZE, JUMP_SUDDEN = 6.0, 6.0
"""Least mean change in levels, and ratio to the typical change, of a jump within a shot."""
DISSOLVE_FRAMES = 12
"""Frames from the middle of a dissolve to either side."""
DISSOLVE_SHARE, DISSOLVE_REST, SAME_SCENE = 0.5, 0.25, 0.6
"""Least share of pixels that a dissolve changes; greatest residual of its middle against the mean
of its ends, relative to their difference; least correlation of two pictures of the same scene."""

BLOCK = 256
"""Pictures that are compared at once."""

Shrunk = UInt8[np.ndarray, "n n 3"]


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
    """All shots of a video in order, without the frames in which they fade in or out, which are
    `fades`; and jumps: frames at which the picture changes suddenly within one scene (a part of one
    take was cut out)."""

    shots: tuple[Shot, ...]
    jumps: tuple[int, ...]
    fades: tuple[Shot, ...] = ()


def find_shots(pictures: Iterable[Shrunk]) -> Shots:
    """The shots of a video from its pictures, SIDE x SIDE pixels, 25 a second. All pictures are
    kept in memory (1.7 kB each)."""
    shrunk = list(pictures)
    if len(shrunk) < 2:
        return Shots(shots=(Shot(first=0, end=len(shrunk)),), jumps=())
    steps = _changes(shrunk, 1)
    typical = _typical_change(steps[:, 1])
    cuts = [
        i
        for i in range(1, len(shrunk))
        if steps[i - 1, 0] >= CUT_SHARE
        and steps[i - 1, 1] >= SUDDEN * typical[i - 1]
        and not _is_flash(shrunk, i)
    ]
    sudden = np.flatnonzero((steps[:, 1] >= JUMP_SIZE) & (steps[:, 1] >= JUMP_SUDDEN * typical)) + 1
    jumps = [
        int(i)
        for i in sudden
        if not _is_flash(shrunk, int(i), jump=True)
        and min((abs(i - cut) for cut in cuts), default=FLASH_FRAMES) >= FLASH_FRAMES
    ]
    fades = [
        (i - DISSOLVE_FRAMES, i + DISSOLVE_FRAMES)
        for i in _dissolves(shrunk)
        if min((abs(i - cut) for cut in cuts), default=2 * DISSOLVE_FRAMES) > DISSOLVE_FRAMES
    ]
    gaps = sorted([(cut, cut) for cut in cuts] + fades)
    edges = [0, *(edge for gap in gaps for edge in gap), len(shrunk)]
    shots, faded = [], []
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        if end > first:
            clear = _without_fades(Shot(first=first, end=end), shrunk)
            shots.append(clear)
            faded += [Shot(first=first, end=clear.first), Shot(first=clear.end, end=end)]
    return Shots(
        shots=tuple(shots), jumps=tuple(jumps), fades=tuple(each for each in faded if len(each))
    )


def _without_fades(shot: Shot, shrunk: list[Shrunk]) -> Shot:
    pictures = shrunk[shot.first : shot.end]
    return Shot(first=shot.first + fade_in(pictures), end=shot.end - fade_out(pictures))


def _changes(pictures: list[Shrunk], frames: int) -> Float[np.ndarray, "f 2"]:
    """`_change` from each picture to the one so many frames later; a block of pictures at a
    time."""
    found = [np.empty((0, 2))]
    for first in range(0, len(pictures) - frames, BLOCK):
        after = np.stack(pictures[first + frames : first + frames + BLOCK])
        before = np.stack(pictures[first : first + len(after)])
        found.append(_change(before, after))
    return np.concatenate(found)


def _change(
    one: UInt8[np.ndarray, "*f h w 3"], other: UInt8[np.ndarray, "*f h w 3"]
) -> Float[np.ndarray, "*f 2"]:
    """Between pictures: the share of pixels that differ by more than CHANGED levels, and by how
    many levels they differ in the mean."""
    change = np.maximum(one, other) - np.minimum(one, other)
    shares = (change.max(-1) > CHANGED).mean((-2, -1))
    return np.stack([shares, change.mean((-3, -2, -1))], -1)


def _typical_change(change: Float[np.ndarray, " f"]) -> Float[np.ndarray, " f"]:
    """The typical change around each frame: the upper quartile of its neighbours' changes, at least
    half a level."""
    padded = np.pad(change, NEIGHBOURS, constant_values=np.nan)
    around = np.stack(
        [
            padded[NEIGHBOURS + shift : NEIGHBOURS + shift + len(change)]
            for shift in range(-NEIGHBOURS, NEIGHBOURS + 1)
            if shift
        ]
    )
    known = np.isfinite(around).any(0)
    typical = np.zeros(len(change))
    typical[known] = np.nanquantile(around[:, known], 0.75, axis=0)
    return np.maximum(typical, 0.5)


def _is_flash(pictures: list[Shrunk], index: int, *, jump: bool = False) -> bool:
    """Whether a picture shortly after `index` is similar to one shortly before."""
    before, after = (
        pictures[max(0, index - FLASH_FRAMES) : index],
        pictures[index : index + FLASH_FRAMES],
    )
    changes = np.array([[_change(one, other) for other in after] for one in before])
    share, levels = changes.min((0, 1)).tolist()
    if jump:
        return levels < JUMP_SIZE / 2
    share_here = float(changes[-1, 0, 0])
    return share < max(CUT_SHARE, share_here / 2)


def _dissolves(pictures: list[Shrunk]) -> list[int]:
    """Middle frames of dissolves and of fades through one colour."""
    found: list[tuple[float, int]] = []
    changed = _changes(pictures, 2 * DISSOLVE_FRAMES)[:, 0] >= DISSOLVE_SHARE
    for index in (np.flatnonzero(changed) + DISSOLVE_FRAMES).tolist():
        before, now, after = (
            pictures[index - DISSOLVE_FRAMES],
            pictures[index],
            pictures[index + DISSOLVE_FRAMES],
        )
        ends, middle = (
            np.subtract(before, after, dtype=np.float32),
            now - np.add(before, after, dtype=np.float32) / 2,
        )
        residual = float(np.abs(middle).mean() / np.abs(ends).mean())
        if residual < DISSOLVE_REST and _correlation(before, after) < SAME_SCENE:
            found.append((residual, index))
    chosen: list[int] = []
    for _, index in sorted(found):
        if all(abs(index - other) > 2 * DISSOLVE_FRAMES for other in chosen):
            chosen.append(index)
    return sorted(chosen)


def _correlation(one: Shrunk, other: Shrunk) -> float:
    """Correlation of two pictures' brightness: 1 where only the illumination changed."""
    a, b = (picture.mean(-1).ravel() - picture.mean() for picture in (one, other))
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-6))
