"""Live motion: how a live head moves besides its lips, for ever: as in its clip while it speaks,
slower and less while it does not."""

from dataclasses import replace
from typing import final

import torch

from instag.models.avatar import Avatar
from instag.motion.blinks import added_blinks
from instag.synthesis.controls import FrameControls, calmest, ping_pong
from instag.synthesis.pose_interpolation import interpolate_poses, interpolate_values
from instag.types import BLINK

SPEAKING_PACE, IDLE_PACE = 1.0, 0.35
"""Frames of the clip that pass in a frame. At the slower pace its motion is that of breath and of a
head that nobody holds still."""
PACE_EASE = 0.06
"""Share of the way to another pace that a frame takes: half of it in half a second."""


@final
class LiveMotion:
    """Goes through the frames of the clip, forward and back, at a pace that follows what the head
    does. Blinks come at their own times: a blink at a slower pace would be sleep."""

    def __init__(self, avatar: Avatar) -> None:
        self._viewmats, self._expression = avatar.viewmats.cpu(), avatar.expression.cpu()
        self._units = avatar.info.expression_units
        if avatar.head.can_blink():
            self._expression = _eyes_open(self._expression, self._units.index(BLINK))
        self._blinks = avatar.head.can_blink()
        self._place, self._pace, self._frame = float(calmest(self._viewmats)), IDLE_PACE, 0

    def next_frame(self, *, speaking: bool) -> FrameControls:
        """The controls of the next frame."""
        wanted = SPEAKING_PACE if speaking else IDLE_PACE
        self._pace += (wanted - self._pace) * PACE_EASE
        self._place += self._pace
        place = ping_pong(len(self._viewmats), torch.tensor([self._place], dtype=torch.float64))
        self._frame += 1
        controls = FrameControls(
            head_pose=interpolate_poses(self._viewmats, place),
            expression=interpolate_values(self._expression, place),
            torso=place.round().long(),
        )
        return replace(controls, blink=self._blink()) if self._blinks else controls

    def _blink(self) -> torch.Tensor:
        """How far the lids are closed."""
        return added_blinks(_without_blinks, torch.tensor([self._frame]), (BLINK,))


def _eyes_open(expression: torch.Tensor, column: int) -> torch.Tensor:
    """Without the blinks of the clip: no lids farther down than they are half of the time."""
    opened = expression.clone()
    opened[:, column] = opened[:, column].minimum(opened[:, column].median())
    return opened


def _without_blinks(frames: torch.Tensor) -> torch.Tensor:
    """AU45 of a clip whose blinks are taken out: none is near."""
    return torch.zeros(len(frames), 1)
