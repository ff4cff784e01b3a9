"""The live painter: planned frames of any sessions and any avatars become pictures, in one batch on
the way to the device, on it and on the way back."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.models.avatar import Avatar
from instag.runtime.cuda_graph import using_gpu
from instag.runtime.device_copy import PendingTensor, to_device_async
from instag.synthesis.background import BackgroundCache
from instag.synthesis.batch_painter import BatchPainter, PaintedHead
from instag.synthesis.head_renderer import FrameInputs, HeadRenderer
from instag.synthesis.live.motion import LiveControls, Moment
from instag.types import LIP_CODES, WINDOWS, Condition

MOST_AT_ONCE = 32
"""Frames of a batch."""


@final
@dataclass(frozen=True, kw_only=True)
class PlannedFrame:
    """What one frame shows. number: of the frame in its session."""

    number: int
    code: Float[Tensor, " 12"]
    moment: Moment


REST = PlannedFrame(number=0, code=torch.zeros(LIP_CODES), moment=Moment(place=0.0, number=0))


@final
class LiveHead:
    """An avatar on the device that paints it, for all of its sessions."""

    def __init__(self, avatar: Avatar, device: torch.device) -> None:
        self._device, self.controls = device, LiveControls.of(avatar)
        background = BackgroundCache(avatar, device, least=2 * MOST_AT_ONCE)
        if device.type == "cuda":
            background.decode_ahead(range(len(avatar)))
        with torch.no_grad():
            renderer = HeadRenderer(avatar, device, live=True)
        self.painted = PaintedHead(renderer=renderer, background=background)

    @property
    def way(self) -> Hashable:
        """What heads have in common that are painted in one batch."""
        return self.painted.renderer.way, self.controls.units

    def rows(self, frames: int) -> int:
        """How many rows of inputs so many frames get: on a GPU, which records a graph for each
        number of them, a power of two."""
        return frames if self._device.type == "cpu" else 1 << (frames - 1).bit_length()

    @torch.no_grad()
    def prepare(self, frames: int) -> None:
        """Record what a GPU does for up to so many frames in a batch."""
        count = self.rows(min(frames, MOST_AT_ONCE))
        controls = self.controls([0] * count, [REST.moment] * count)
        tables = [torch.zeros(count, LIP_CODES), controls.expression, controls.head_pose]
        inputs = _inputs([table.to(self._device) for table in tables], [0] * count)
        self.painted.renderer.prepared(inputs)

    def close(self) -> None:
        """End its threads."""
        self.painted.background.close()


Drawn = tuple[LiveHead, PlannedFrame]


@final
class LivePainter:
    """Used by one thread."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._painter = device, BatchPainter(device)
        self._crowd: tuple[list[LiveHead], LiveControls] | None = None

    def paint(self, frames: Sequence[Drawn]) -> list[UInt8[np.ndarray, "h w 3"]]:
        """One picture for each frame. Heads of pictures of one size, and of the same expression
        units, are painted in one batch, of at most MOST_AT_ONCE frames."""
        with using_gpu():
            started = [
                (places, self._started([frames[place] for place in places]))
                for places in _batches(frames)
            ]
            arrived = [(places, download.wait().numpy()) for places, download in started]
        pictures: dict[int, np.ndarray] = {}
        for places, batch in arrived:
            pictures |= zip(places, batch, strict=True)
        return [pictures[place] for place in range(len(frames))]

    def _started(self, frames: Sequence[Drawn]) -> PendingTensor:
        """A batch. Frames of the same head lie side by side."""
        runs = [[*run] for _, run in groupby(frames, lambda drawn: id(drawn[0]))]
        heads, counts = [run[0][0] for run in runs], [len(run) for run in runs]
        which = [number for number, count in enumerate(counts) for _ in range(count)]
        controls = self._controls(heads)(which, [frame.moment for _, frame in frames])
        expression = controls.merged_expression(heads[0].controls.units)
        codes, torso = torch.stack([frame.code for _, frame in frames]), controls.torso.tolist()
        ends = list(accumulate(counts))
        rows = [
            min(start + row, end - 1)
            for head, start, end in zip(heads, [0, *ends], ends, strict=False)
            for row in range(head.rows(end - start))
        ]
        tables = self._uploaded([each[rows] for each in (codes, expression, controls.head_pose)])
        sizes = [head.rows(count) for head, count in zip(heads, counts, strict=True)]
        parts = zip(*(table.split(sizes) for table in tables), strict=True)
        shown = (torso[end - count : end] for end, count in zip(ends, counts, strict=True))
        return self._painter.start(
            [
                (head.painted, _inputs(of_head, behind))
                for head, of_head, behind in zip(heads, parts, shown, strict=True)
            ]
        )

    def _controls(self, heads: list[LiveHead]) -> LiveControls:
        """Of these heads together, which are mostly those of the frame before."""
        if self._crowd is None or self._crowd[0] != heads:
            together = LiveControls.together([head.controls for head in heads])
            self._crowd = heads, together
        return self._crowd[1]

    def _uploaded(self, tables: Sequence[Tensor]) -> list[Tensor]:
        """The same on the device, in one copy."""
        flat = to_device_async(torch.cat([table.flatten() for table in tables]), self._device)
        parts = flat.split([table.numel() for table in tables])
        return [part.view(table.shape) for part, table in zip(parts, tables, strict=True)]


def _batches(frames: Sequence[Drawn]) -> list[list[int]]:
    """The places of frames that are painted together, those of one head side by side."""
    ways: dict[Hashable, list[int]] = {}
    for place in sorted(range(len(frames)), key=lambda place: id(frames[place][0])):
        ways.setdefault(frames[place][0].way, []).append(place)
    return [
        places[start : start + MOST_AT_ONCE]
        for places in ways.values()
        for start in range(0, len(places), MOST_AT_ONCE)
    ]


def _inputs(tables: Sequence[Tensor], torso: list[int]) -> FrameInputs:
    """From codes, expressions and poses on the device. A head that lip codes drive reads those of
    the frame alone: its window may hold them in all places."""
    codes, expression, viewmats = tables
    speech = codes[:, None, :, None].expand(-1, WINDOWS, -1, -1)
    condition = Condition(speech=speech, expression=expression)
    return FrameInputs(first=0, condition=condition, viewmats=viewmats, torso=torso)
