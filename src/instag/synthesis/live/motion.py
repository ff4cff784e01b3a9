"""Live motion: how live heads move besides their lips, for ever: as in their clips while they
speak, slower and less while they do not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from instag.models.avatar import Avatar
from instag.motion.blinks import endless_blinks
from instag.synthesis.controls import FrameControls, calmest, ping_pong
from instag.synthesis.pose_interpolation import Parts, interpolate_poses, interpolate_values
from instag.types import BLINK

SPEAKING_PACE, IDLE_PACE = 1.0, 0.35
"""Frames of the clip that pass in a frame. At the slower pace its motion is that of breath and of a
head that nobody holds still."""
PACE_EASE = 0.06
"""Share of the way to another pace that a frame takes: half of it in half a second."""


@final
@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where the motion of a head is. place: frames of the clip, forward and back for ever. number:
    of the moment, from 1."""

    place: float
    number: int


@final
class LiveMotion:
    """Goes through the frames of the clip, forward and back, at a pace that follows what the head
    does. start: the frame of the clip to begin near."""

    def __init__(self, start: int) -> None:
        self._place, self._pace, self._number = float(start), IDLE_PACE, 0

    def next_moment(self, *, speaking: bool) -> Moment:
        """That of the next frame."""
        wanted = SPEAKING_PACE if speaking else IDLE_PACE
        self._pace += (wanted - self._pace) * PACE_EASE
        self._place += self._pace
        self._number += 1
        return Moment(place=self._place, number=self._number)


@final
@dataclass(frozen=True, kw_only=True)
class LiveControls:
    """The controls of heads at moments of any of their sessions, together. Blinks come at their own
    times: a blink at a slower pace would be sleep. viewmats, expression: of all heads' clips, one
    after the other. blinks: which heads can close their eyes."""

    units: tuple[str, ...]
    viewmats: Float[Tensor, "l 4 4"]
    expression: Float[Tensor, "l u"]
    parts: Parts
    blinks: Bool[Tensor, " heads"]

    @classmethod
    def of(cls, avatar: Avatar) -> "LiveControls":
        """Of one head."""
        units, blinks = avatar.info.expression_units, avatar.head.can_blink()
        expression, count = avatar.expression.cpu(), torch.tensor([len(avatar)])
        return cls(
            units=units,
            viewmats=avatar.viewmats.cpu(),
            expression=_eyes_open(expression, units.index(BLINK)) if blinks else expression,
            parts=Parts(first=torch.zeros_like(count), count=count),
            blinks=torch.tensor([blinks]),
        )

    @classmethod
    def together(cls, several: Sequence["LiveControls"]) -> "LiveControls":
        """Of heads with the same units."""
        count = torch.cat([each.parts.count for each in several])
        return cls(
            units=several[0].units,
            viewmats=torch.cat([each.viewmats for each in several]),
            expression=torch.cat([each.expression for each in several]),
            parts=Parts(first=count.cumsum(0) - count, count=count),
            blinks=torch.cat([each.blinks for each in several]),
        )

    @property
    def start(self) -> int:
        """A frame of the first head in a pose near the mean."""
        return calmest(self.viewmats[: int(self.parts.count[0])])

    def __call__(self, heads: Sequence[int], moments: Sequence[Moment]) -> FrameControls:
        """One row for each head and moment."""
        rows = torch.tensor(heads)
        places = torch.tensor([moment.place for moment in moments], dtype=torch.float64)
        parts = self.parts.at(rows)
        place = ping_pong(parts.count, places)
        controls = FrameControls(
            head_pose=interpolate_poses(self.viewmats, place, parts),
            expression=interpolate_values(self.expression, place, parts),
            torso=place.round().long(),
        )
        if not self.blinks.any():
            return controls
        blink = endless_blinks([moment.number for moment in moments])
        return replace(controls, blink=torch.where(self.blinks[rows], blink, 0.0))


def _eyes_open(expression: Float[Tensor, "l u"], column: int) -> Float[Tensor, "l u"]:
    """Without the blinks of the clip: no lids farther down than they are half of the time."""
    opened = expression.clone()
    opened[:, column] = opened[:, column].minimum(opened[:, column].median())
    return opened
