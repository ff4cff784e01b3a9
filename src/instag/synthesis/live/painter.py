"""The live painter: planned frames of any sessions and any avatars become pictures, in one batch on
the way to the device, on it and on the way back."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.models.avatar import Avatar
from instag.runtime.device_copy import AsyncDownload, to_device_async
from instag.synthesis.background import BackgroundCache
from instag.synthesis.head_renderer import HeadRenderer, PosedFrames, side_by_side
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
class LiveInputs:
    """What drives a head in some frames, on the host. codes, expression, viewmats: a GPU gets a
    power of two of rows, the last one several times: it records a graph for each number of them.
    torso: numbers of the learned frames, one for each frame."""

    codes: Float[Tensor, "b 12"]
    expression: Float[Tensor, "b u"]
    viewmats: Float[Tensor, "b 4 4"]
    torso: list[int]


@final
class LiveHead:
    """An avatar on the device that paints it."""

    def __init__(self, avatar: Avatar, device: torch.device) -> None:
        self._device, self._units = device, avatar.info.expression_units
        self.controls = LiveControls(avatar)
        with torch.no_grad():
            self.renderer = HeadRenderer(avatar, device, live=True)
        self.background = BackgroundCache(avatar, device, least=2 * MOST_AT_ONCE)
        if device.type == "cuda":
            self.background.decode_ahead(range(len(avatar)))

    @torch.no_grad()
    def prepare(self, frames: int) -> None:
        """Record what a GPU does for up to so many frames in a batch."""
        inputs = self.inputs([REST] * min(frames, MOST_AT_ONCE))
        tables = (table.to(self._device) for table in _tables(inputs))
        self.renderer.prepare(*_driven(*tables))

    def inputs(self, frames: Sequence[PlannedFrame]) -> LiveInputs:
        """What drives it in these frames."""
        controls = self.controls([frame.moment for frame in frames])
        rows = torch.arange(self._rows(len(frames))).clamp_(max=len(frames) - 1)
        return LiveInputs(
            codes=torch.stack([frame.code for frame in frames])[rows],
            expression=controls.merged_expression(self._units)[rows],
            viewmats=controls.head_pose[rows],
            torso=controls.torso.tolist(),
        )

    def _rows(self, frames: int) -> int:
        return frames if self._device.type == "cpu" else 1 << (frames - 1).bit_length()

    def pose(self, tables: Sequence[Tensor], frames: int) -> PosedFrames:
        """Where it is in the first frames of some inputs. tables: theirs, on the device."""
        return self.renderer.pose(*_driven(*tables)).first(frames)

    def close(self) -> None:
        """End its threads."""
        self.background.close()


Drawn = tuple[LiveHead, PlannedFrame]


@final
class LivePainter:
    """Used by one thread."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._downloads = device, AsyncDownload(device)

    @torch.no_grad()
    def paint(self, frames: Sequence[Drawn]) -> list[UInt8[np.ndarray, "h w 3"]]:
        """One picture for each frame. Heads of pictures of one size are painted in one batch, of at
        most MOST_AT_ONCE frames."""
        started = [
            (places, self._downloads.start(self._painted([frames[place] for place in places])))
            for places in _batches(frames)
        ]
        pictures: dict[int, np.ndarray] = {}
        for places, download in started:
            pictures |= zip(places, download.wait().numpy(), strict=True)
        return [pictures[place] for place in range(len(frames))]

    def _painted(self, frames: Sequence[Drawn]) -> UInt8[Tensor, "b h w 3"]:
        """The pictures of a batch on the device, frames of the same head side by side."""
        parts = [
            (head, head.inputs([frame for _, frame in drawn]))
            for head, drawn in ((part[0][0], part) for part in _runs(frames))
        ]
        tables = self._uploaded([table for _, inputs in parts for table in _tables(inputs)])
        posed = [
            head.pose(tables[3 * place : 3 * place + 3], len(inputs.torso))
            for place, (head, inputs) in enumerate(parts)
        ]
        behind = torch.cat([head.background.frames(inputs.torso) for head, inputs in parts])
        return parts[0][0].renderer.paint(side_by_side(posed), behind)

    def _uploaded(self, tables: Sequence[Tensor]) -> list[Tensor]:
        """The same on the device, in one copy."""
        flat = to_device_async(torch.cat([table.flatten() for table in tables]), self._device)
        parts = flat.split([table.numel() for table in tables])
        return [part.view(table.shape) for part, table in zip(parts, tables, strict=True)]


def _batches(frames: Sequence[Drawn]) -> list[list[int]]:
    """The places of frames that are painted together, those of one head side by side."""

    def order(place: int) -> tuple[tuple[int, bool], int]:
        return frames[place][0].renderer.way, id(frames[place][0])

    ways = groupby(sorted(range(len(frames)), key=order), lambda place: order(place)[0])
    return [
        places[start : start + MOST_AT_ONCE]
        for places in (list(together) for _, together in ways)
        for start in range(0, len(places), MOST_AT_ONCE)
    ]


def _runs(frames: Sequence[Drawn]) -> list[list[Drawn]]:
    """Successive frames of the same head."""
    return [list(run) for _, run in groupby(frames, lambda drawn: id(drawn[0]))]


def _tables(inputs: LiveInputs) -> list[Tensor]:
    return [inputs.codes, inputs.expression, inputs.viewmats]


def _driven(codes: Tensor, expression: Tensor, viewmats: Tensor) -> tuple[Condition, Tensor]:
    """A head that lip codes drive reads those of the frame alone: its window may hold them in all
    places."""
    speech = codes[:, None, :, None].expand(-1, WINDOWS, -1, -1)
    return Condition(speech=speech, expression=expression), viewmats
