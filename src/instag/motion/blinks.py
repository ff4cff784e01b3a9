"""Blinks of a head that speaks for longer than its clip: when they come, and how lids close and
open.

They depend on the frame's number alone, so that a video is the same however it is cut into batches.
"""

import math
import zlib
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.ops.easing import smoothstep
from instag.types import BLINK, BLINK_LIMIT, EXPRESSION_UNITS, FPS, blinked

EVERY = 4.0
"""Seconds from blink to blink, as a mean: people who talk blink 15 to 25 times a minute."""
WANDER = 0.8
"""The part of EVERY within which the moment of a blink is random: blinks are 0.8 to 7.2 seconds
apart."""
CLOSING, CLOSED, OPENING = 0.09, 0.05, 0.16
"""Seconds of a blink: lids fall faster than they rise."""
SELDOM = 1 / 6
"""Blinks a second; whoever blinks less often in the clip gets further ones."""
SEEN = 1.4
"""AU45 from which a frame belongs to a blink."""
APART = 1.0
"""Seconds before and after a blink of the clip in which none is added."""


def blinks_rarely(
    expression: Float[Tensor, "l u"], units: tuple[str, ...] = EXPRESSION_UNITS
) -> bool:
    """Whether successive expressions blink less often than people do. `units` names the columns."""
    closed = expression[:, units.index(BLINK)] > SEEN
    begun = int(closed[0]) + int((closed[1:] & ~closed[:-1]).sum())
    return begun < SELDOM * len(expression) / FPS


def added_blinks(
    played: Callable[[Int[Tensor, " g"]], Float[Tensor, "g u"]],
    frames: Int[Tensor, " f"],
    units: tuple[str, ...] = EXPRESSION_UNITS,
) -> Float[Tensor, " f"]:
    """How far lids are closed, 0 to 1, in some video frames by blinks that are added where none is
    near in the expressions that are played. `units` names their columns."""
    blink, column = torch.zeros(len(frames)), units.index(BLINK)
    first, last = int(frames.min()), int(frames.max())
    for number in range(_before(first), _before(last) + 2):
        onset, end = onset_of(number), onset_of(number) + CLOSING + CLOSED + OPENING
        if end * FPS < first or onset * FPS > last:
            continue
        around = torch.arange(
            max(0, math.floor((onset - APART) * FPS)), math.ceil((end + APART) * FPS) + 1
        )
        if not (played(around)[:, column] > SEEN).any():
            blink = torch.maximum(blink, closure(frames.double() / FPS - onset).float())
    return blink


def endless_blinks(frames: Sequence[int]) -> Float[Tensor, " f"]:
    """The same in frames of any videos that play no blinks of their own."""
    since = [
        [frame / FPS - onset_of(number) for number in range(_before(frame), _before(frame) + 2)]
        for frame in frames
    ]
    return closure(torch.tensor(since, dtype=torch.float64)).amax(1).float()


def merge_blink(
    expression: Float[Tensor, "f u"],
    closed: Float[Tensor, " f"],
    units: tuple[str, ...] = EXPRESSION_UNITS,
) -> Float[Tensor, "f u"]:
    """Expressions whose lids are closed at least so far, 0 to 1. Without AU45 among the units
    nothing changes."""
    if BLINK not in units:
        return expression
    blink = BLINK_LIMIT * closed
    stronger = (blink > expression[:, units.index(BLINK)])[:, None]
    return torch.where(stronger, blinked(expression, blink, units), expression)


def with_blinks(
    played: Callable[[Int[Tensor, " g"]], Float[Tensor, "g u"]],
    frames: Int[Tensor, " f"],
    units: tuple[str, ...] = EXPRESSION_UNITS,
) -> Float[Tensor, "f u"]:
    """The expressions that are played in some video frames, with blinks where none is near."""
    return merge_blink(played(frames), added_blinks(played, frames, units), units)


def onset_of(number: int) -> float:
    """Seconds from the video's start at which the lids begin to fall for the blink of this number,
    0, 1, 2..."""
    random = zlib.crc32(f"blink {number}".encode()) / 2**32
    return (number + 0.5 + WANDER * (random - 0.5)) * EVERY


def closure(seconds: Float[Tensor, "*f"]) -> Float[Tensor, "*f"]:
    """How far lids are closed, 0 to 1, at some seconds after a blink's onset."""
    falling, rising = seconds / CLOSING, (CLOSING + CLOSED + OPENING - seconds) / OPENING
    return torch.minimum(smoothstep(falling.clamp(0, 1)), smoothstep(rising.clamp(0, 1)))


def _before(frame: int) -> int:
    """Number of a blink that is over before a frame, or is the first."""
    return max(0, math.floor(frame / FPS / EVERY) - 1)
