"""Fades: frames at the begin and at the end of a shot that rise out of one colour or sink into it,
or while a camera still looks for its exposure. A head learned from them would be pale in turns.

A fade mixes every pixel with one colour, so that the picture's contrast grows from nothing, or from
less than it has later, while what it shows stays the same.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

LONGEST = 75
"""Frames of a fade, at most: three seconds."""
LARGEST_SHARE = 0.25
"""Of a shot, at most."""
FADED, CLEAR = 0.75, 0.94
"""A fade begins with less than the first share of the contrast that follows, and ends with the
second."""
STEADY = 0.9
"""Least share of a fade's frames that have no less contrast than the one before."""
NEARLY, SAME_PICTURE = 0.9, 0.7
"""The share of the contrast at which the picture must correlate with what follows by the second:
earlier it may move (a title's zoom)."""


def fade_in(pictures: Sequence[UInt8[np.ndarray, "n n 3"]]) -> int:
    """How many frames of a shot, from its first on, fade in. pictures: shrunk."""
    longest = min(LONGEST, int(LARGEST_SHARE * len(pictures)))
    if longest < 2:
        return 0
    brightness = np.stack([each.mean(-1) for each in pictures[: 2 * longest]])
    contrast = brightness.std((1, 2))
    settled = float(np.median(contrast[longest:]))
    if contrast[0] >= FADED * settled:
        return 0
    pale = np.flatnonzero(contrast[: longest + 1] < CLEAR * settled)
    length = int(pale[-1]) + 1
    if length > longest or not _rises(contrast[: length + 1]):
        return 0
    late = int(np.abs(contrast[:length] - NEARLY * settled).argmin())
    return length if _alike(brightness[late], brightness[length]) else 0


def fade_out(pictures: Sequence[UInt8[np.ndarray, "n n 3"]]) -> int:
    """How many frames of a shot, up to its last, fade out."""
    return fade_in(pictures[::-1])


def _rises(contrast: Float[np.ndarray, " f"]) -> bool:
    steps = np.diff(contrast)
    return bool((steps >= -0.01 * contrast[-1]).mean() >= STEADY)


def _alike(one: Float[np.ndarray, "n n"], other: Float[np.ndarray, "n n"]) -> bool:
    """Whether two pictures show the same, whatever their contrast."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) >= SAME_PICTURE
