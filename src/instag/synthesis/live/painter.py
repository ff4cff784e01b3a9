"""The live painter: planned frames of any sessions and any avatars become pictures, in one batch on
the way to the device, on it and on the way back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.models.avatar import Avatar
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
@dataclass(frozen=True, kw_only=True)
class HostInputs:
    """What drives a head in some frames, on the host. tables: lip codes, expressions and poses; a
    GPU gets a power of two of rows, the last one several times: it records a graph for each number
    of them. torso: numbers of the learned frames, one for each frame."""

    tables: tuple[Float[Tensor, "b 12"], Float[Tensor, "b u"], Float[Tensor, "b 4 4"]]
    torso: list[int]

    def on_device(self, tables: Iterable[Tensor]) -> FrameInputs:
        """With these tables in place of those on the host. A head that lip codes drive reads those
        of the frame alone: its window may hold them in all places."""
        codes, expression, viewmats = tables
        speech = codes[:, None, :, None].expand(-1, WINDOWS, -1, -1)
        condition = Condition(speech=speech, expression=expression)
        return FrameInputs(first=0, condition=condition, viewmats=viewmats, torso=self.torso)


@final
class LiveHead:
    """An avatar on the device that paints it, for all of its sessions."""

    def __init__(self, avatar: Avatar, device: torch.device) -> None:
        self._device, self._units = device, avatar.info.expression_units
        self.controls = LiveControls(avatar)
        background = BackgroundCache(avatar, device, least=2 * MOST_AT_ONCE)
        if device.type == "cuda":
            background.decode_ahead(range(len(avatar)))
        with torch.no_grad():
            renderer = HeadRenderer(avatar, device, live=True)
        self.painted = PaintedHead(renderer=renderer, background=background)

    @torch.no_grad()
    def prepare(self, frames: int) -> None:
        """Record what a GPU does for up to so many frames in a batch."""
        inputs = self.inputs([REST] * min(frames, MOST_AT_ONCE))
        tables = (table.to(self._device) for table in inputs.tables)
        self.painted.renderer.prepared(inputs.on_device(tables))

    def inputs(self, frames: Sequence[PlannedFrame]) -> HostInputs:
        """What drives it in these frames."""
        controls = self.controls([frame.moment for frame in frames])
        codes = torch.stack([frame.code for frame in frames])
        rows = torch.arange(self._rows(len(frames))).clamp_(max=len(frames) - 1)
        expression, poses = controls.merged_expression(self._units), controls.head_pose
        return HostInputs(
            tables=(codes[rows], expression[rows], poses[rows]), torso=controls.torso.tolist()
        )

    def _rows(self, frames: int) -> int:
        return frames if self._device.type == "cpu" else 1 << (frames - 1).bit_length()

    def close(self) -> None:
        """End its threads."""
        self.painted.background.close()


Drawn = tuple[LiveHead, PlannedFrame]


@final
class LivePainter:
    """Used by one thread."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._painter = device, BatchPainter(device)

    def paint(self, frames: Sequence[Drawn]) -> list[UInt8[np.ndarray, "h w 3"]]:
        """One picture for each frame. Heads of pictures of one size are painted in one batch, of at
        most MOST_AT_ONCE frames."""
        started = [
            (places, self._started([frames[place] for place in places]))
            for places in _batches(frames)
        ]
        pictures: dict[int, np.ndarray] = {}
        for places, download in started:
            pictures |= zip(places, download.wait().numpy(), strict=True)
        return [pictures[place] for place in range(len(frames))]

    def _started(self, frames: Sequence[Drawn]) -> PendingTensor:
        """A batch. Frames of the same head lie side by side."""
        runs = [list(run) for _, run in groupby(frames, lambda drawn: id(drawn[0]))]
        given = [run[0][0].inputs([frame for _, frame in run]) for run in runs]
        uploaded = iter(self._uploaded([table for each in given for table in each.tables]))
        return self._painter.start(
            [
                (run[0][0].painted, each.on_device([next(uploaded) for _ in each.tables]))
                for run, each in zip(runs, given, strict=True)
            ]
        )

    def _uploaded(self, tables: Sequence[Tensor]) -> list[Tensor]:
        """The same on the device, in one copy."""
        flat = to_device_async(torch.cat([table.flatten() for table in tables]), self._device)
        parts = flat.split([table.numel() for table in tables])
        return [part.view(table.shape) for part, table in zip(parts, tables, strict=True)]


def _batches(frames: Sequence[Drawn]) -> list[list[int]]:
    """The places of frames that are painted together, those of one head side by side."""

    def order(place: int) -> tuple[tuple[int, bool], int]:
        return frames[place][0].painted.renderer.way, id(frames[place][0])

    ways = groupby(sorted(range(len(frames)), key=order), lambda place: order(place)[0])
    return [
        places[start : start + MOST_AT_ONCE]
        for places in (list(together) for _, together in ways)
        for start in range(0, len(places), MOST_AT_ONCE)
    ]
