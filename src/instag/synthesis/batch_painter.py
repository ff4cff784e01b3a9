"""The batch painter: frames of one head that speaks, or of many that live, become pictures on the
host; speaking and live heads share it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from instag.runtime.device_copy import AsyncDownload, PendingTensor
from instag.synthesis.background import Background
from instag.synthesis.head_renderer import FrameInputs, HeadRenderer
from instag.synthesis.posed_frames import side_by_side


@final
@dataclass(frozen=True, kw_only=True)
class PaintedHead:
    """A head with what lies behind it."""

    renderer: HeadRenderer
    background: Background


@final
class BatchPainter:
    """On one device."""

    def __init__(self, device: torch.device) -> None:
        self._downloads = AsyncDownload(device)

    @torch.no_grad()
    def start(self, parts: Sequence[tuple[PaintedHead, FrameInputs]]) -> PendingTensor:
        """Begin to paint the frames of all parts, in their order, as one batch; their bytes are on
        the way to the host, `b h w 3`, which nothing waits for. All heads are painted the same
        `way`, and each is there once."""
        posed = [head.renderer.pose(inputs) for head, inputs in parts]
        behind = [head.background(inputs) for head, inputs in parts]
        painter = parts[0][0].renderer.painter
        painted = painter.paint(side_by_side(posed), _joined(behind))
        return self._downloads.start(painted)


def _joined(pictures: Sequence[Tensor]) -> Tensor:
    return pictures[0] if len(pictures) == 1 else torch.cat(list(pictures))
