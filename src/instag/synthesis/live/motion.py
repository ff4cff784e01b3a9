"""Live motion: how a live head moves besides its lips, for ever: as in its clip while it speaks,
slower and less while it does not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import torch

from instag.models.avatar import Avatar
from instag.motion.blinks import endless_blinks
from instag.synthesis.controls import FrameControls, calmest, ping_pong
from instag.synthesis.pose_interpolation import interpolate_poses, interpolate_values
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
class LiveControls:
    """The controls of a head at moments of any of its sessions, together. Blinks come at their own
    times: a blink at a slower pace would be sleep."""

    def __init__(self, avatar: Avatar) -> None:
        self._viewmats, self._expression = avatar.viewmats.cpu(), avatar.expression.cpu()
        self._blinks = avatar.head.can_blink()
        if self._blinks:
            units = avatar.info.expression_units
            self._expression = _eyes_open(self._expression, units.index(BLINK))
        self.start = calmest(self._viewmats)

    def __call__(self, moments: Sequence[Moment]) -> FrameControls:
        """One row for each moment."""
        places = torch.tensor([moment.place for moment in moments], dtype=torch.float64)
        place = ping_pong(len(self._viewmats), places)
        controls = FrameControls(
            head_pose=interpolate_poses(self._viewmats, place),
            expression=interpolate_values(self._expression, place),
            torso=place.round().long(),
        )
        if not self._blinks:
            return controls
        return replace(controls, blink=endless_blinks([moment.number for moment in moments]))


def _eyes_open(expression: torch.Tensor, column: int) -> torch.Tensor:
    """Without the blinks of the clip: no lids farther down than they are half of the time."""
    opened = expression.clone()
    opened[:, column] = opened[:, column].minimum(opened[:, column].median())
    return opened
