"""The live painter: planned frames of one avatar, of any sessions, become pictures in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.models.avatar import Avatar
from instag.runtime.device_copy import to_device_async
from instag.synthesis.background import BackgroundCache
from instag.synthesis.controls import FrameControls
from instag.synthesis.head_renderer import FrameInputs, HeadRenderer
from instag.types import WINDOWS, Condition

MOST_AT_ONCE = 32
"""Frames of a batch."""


@final
@dataclass(frozen=True, kw_only=True)
class PlannedFrame:
    """What one frame shows. number: of the frame in its session."""

    number: int
    code: Float[Tensor, " 12"]
    controls: FrameControls


@final
class LivePainter:
    """Used by one thread."""

    def __init__(self, avatar: Avatar, device: torch.device) -> None:
        self._device, self._units = device, avatar.info.expression_units
        with torch.no_grad():
            self._renderer = HeadRenderer(avatar, device)
        self._background = BackgroundCache(avatar, device, least=2 * MOST_AT_ONCE)

    @torch.no_grad()
    def paint(self, frames: Sequence[PlannedFrame]) -> list[UInt8[np.ndarray, "h w 3"]]:
        """One picture for each frame."""
        pictures: list[np.ndarray] = []
        for start in range(0, len(frames), MOST_AT_ONCE):
            inputs = self._inputs(frames[start : start + MOST_AT_ONCE])
            painted = self._renderer.render_frames(inputs, self._background(inputs))
            pictures += list(painted.cpu().numpy())
        return pictures

    def warm_up(self, frame: PlannedFrame) -> None:
        """Paint a frame that nobody sees: kernels are compiled now, not in the first one shown."""
        self.paint([frame])

    def close(self) -> None:
        """End its threads."""
        self._background.close()

    def _inputs(self, frames: Sequence[PlannedFrame]) -> FrameInputs:
        """A head that lip codes drive reads those of the frame alone: its window may hold them in
        all places."""
        codes = torch.stack([frame.code for frame in frames])
        expression = torch.cat([frame.controls.merged_expression(self._units) for frame in frames])
        poses = torch.cat([frame.controls.head_pose for frame in frames])
        return FrameInputs(
            first=0,
            condition=Condition(
                speech=to_device_async(codes[:, None, :, None], self._device).expand(
                    -1, WINDOWS, -1, -1
                ),
                expression=to_device_async(expression, self._device),
            ),
            viewmats=to_device_async(poses, self._device),
            torso=[int(frame.controls.torso) for frame in frames],
        )
