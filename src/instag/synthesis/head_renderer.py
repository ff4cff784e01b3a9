"""A head renderer: batches of frames of one avatar on one device."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.models.avatar import Avatar
from instag.rendering.compositing import DILATION
from instag.runtime.cuda_graph import Work, cuda_graphed
from instag.synthesis.head_painter import head_painter
from instag.synthesis.posed_frames import PosedFrames
from instag.types import Camera, Condition


@final
@dataclass(frozen=True, kw_only=True)
class FrameInputs:
    """Inputs of a batch of frames. first: number of the first frame. condition, viewmats: on the
    device that renders; rows beyond the frames are computed and not shown. torso: numbers of the
    learned frames whose torso is shown, one for each frame."""

    first: int
    condition: Condition
    viewmats: Float[Tensor, "b 4 4"]
    torso: list[int]

    def __len__(self) -> int:
        """Frames."""
        return len(self.torso)


@final
class HeadRenderer:
    """Renders batches of frames of one avatar on one device. What is the same in every frame is
    computed once. On a CPU heads are baked (docs/method.md#baked-motion)."""

    def __init__(
        self,
        avatar: Avatar,
        device: torch.device,
        *,
        dilate: bool = False,
        exact: bool = False,
        live: bool = False,
    ) -> None:
        """dilate: widen the mouth's alpha (docs/method.md#a-frame). exact: do not use a baked
        head. live: the head is painted beside others, on a GPU its baked one, on a CPU of
        Gaussians that are seen."""
        self.painter = head_painter(
            avatar, device, dilation=DILATION if dilate else 0, exact=exact, live=live
        )
        self._size, self._intrinsics = avatar.info.size, avatar.intrinsics.to(device)
        self._posed: dict[int, Work] = {}

    @property
    def way(self) -> Hashable:
        """What heads have in common whose frames are painted in one batch."""
        return self.painter.way

    def render_frames(
        self, inputs: FrameInputs, behind: UInt8[Tensor, "b h w 3"]
    ) -> UInt8[Tensor, "b h w 3"]:
        """Whole frames, on the device."""
        return self.painter.paint(self.pose(inputs), behind)

    def pose(self, inputs: FrameInputs) -> PosedFrames:
        """Where the Gaussians are. On a GPU the next call for as many rows overwrites it."""
        tables = self.prepared(inputs)(*_driving(inputs))
        posed = self.painter.posed(tables, self._camera(inputs.viewmats))
        return posed if len(posed) == len(inputs) else posed.first(len(inputs))

    def prepared(self, inputs: FrameInputs) -> Work:
        """What computes the Gaussians of as many rows. A GPU records it the first time, which takes
        longer than a frame."""
        rows = len(inputs.viewmats)
        if rows not in self._posed:
            self._posed[rows] = cuda_graphed(self._pose, *_driving(inputs))
        return self._posed[rows]

    def _pose(self, speech: Tensor, expression: Tensor, viewmats: Tensor) -> tuple[Tensor, ...]:
        condition = Condition(speech=speech, expression=expression)
        return self.painter.pose(condition, self._camera(viewmats))

    def _camera(self, viewmats: Float[Tensor, "b 4 4"]) -> Camera:
        return Camera(
            viewmats=viewmats,
            Ks=self._intrinsics.expand(len(viewmats), 3, 3),
            width=self._size,
            height=self._size,
        )


def _driving(inputs: FrameInputs) -> tuple[Tensor, Tensor, Tensor]:
    return inputs.condition.speech, inputs.condition.expression, inputs.viewmats
