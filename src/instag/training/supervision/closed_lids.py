"""Closed lids: pictures of a person's eyes as if they blinked.

A few seconds hold few blinks or none. Where skin goes in one is known from other people
(`expressions`), but not how it looks there: eyes shine through lids that never were compared with a
picture. So the skin above an eye, as far as the brow, is stretched over it in the picture itself,
lashes are drawn along its edge, and lids learn from that as from a frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from instag.data.frame_batch import FrameBatch
from instag.motion.expression_displacement import LOWER, UPPER
from instag.perception.head_coordinates import CHIN, CROWN, EYE_CORNERS
from instag.runtime.device_copy import to_device_async
from instag.types import BLINK, BLINK_LIMIT, EXPRESSION_UNITS, Camera, Condition, blinked

EDGE_POINTS = len(UPPER) // 2
UPPERS, LOWERS = ((edge[:EDGE_POINTS], edge[EDGE_POINTS:]) for edge in (UPPER, LOWER))
BROWS = ((46, 53, 52, 65, 55), (276, 283, 282, 295, 285))
"""The edges of the lids and the lower edge of the brow, from the outer corner inward."""
KNOTS = 17
"""Of an outline, from corner to corner."""
ROOM, LEAST_ROOM = 0.9, 0.1
"""Of the way from the upper lid's edge to the brow, the share from which skin comes; at least so
many widths of an eye."""
LOWER_RISE = 0.12
"""The share of a closed eye that the lower lid covers."""
LOWER_ROOM = 0.35
"""Widths of an eye below the lower lid's edge from which skin comes."""
MARGIN = 0.02
"""Widths of an eye by which the seen edges of lids are taken further out: what lies between is as
often eye as lid."""
LASHES, DARKEST = 0.025, 0.7
"""Lashes along the edge of a lid: half of their height in widths of an eye, and the share of the
light that they take."""
PATCH = 1.5
"""Side of the square that changes around an eye, in widths of the widest one."""
FULLY = 0.5
"""The share of the blinks that are full; others close so far as chance has it."""


@final
@dataclass(frozen=True, kw_only=True)
class EyeOutlines:
    """Both eyes in some frames. corner: the outer one, pixels. axes: from it to the inner one, and
    as far up the face, pixels. upper, lower, brow: heights along the latter, as shares of it, at
    even steps along the former."""

    corner: Float[Tensor, "f 2 2"]
    axes: Float[Tensor, "f 2 2 2"]
    upper: Float[Tensor, "f 2 k"]
    lower: Float[Tensor, "f 2 k"]
    brow: Float[Tensor, "f 2 k"]

    def rows(self, rows: Int[Tensor, " b"]) -> "EyeOutlines":
        """Those of some frames."""
        return EyeOutlines(**{name: value[rows] for name, value in vars(self).items()})

    def coordinates(
        self, points: Float[Tensor, "f 2 *p 2"]
    ) -> tuple[Float[Tensor, "f 2 *p"], Float[Tensor, "f 2 *p"]]:
        """Along and above the line between the corners: shares of the axes, from pixels."""
        wide = (slice(None), slice(None), *[None] * (points.ndim - 3))
        x, y = (points - self.corner[wide]).unbind(-1)
        (across_x, across_y), (up_x, up_y) = (
            each[wide].unbind(-1) for each in self.axes.unbind(-2)
        )
        area = across_x * up_y - across_y * up_x
        area = torch.where(area.abs() < 1, 1.0, area)  # of an eye that is no wider than a pixel
        return (x * up_y - y * up_x) / area, (across_x * y - across_y * x) / area


def eye_outlines(landmarks: Float[Tensor, "f p 2"]) -> EyeOutlines:
    """The outlines of eyes, from landmarks in pixels."""
    corners = landmarks[:, EYE_CORNERS]
    across = corners[:, :, 1] - corners[:, :, 0]
    # Lids move along the line from chin to forehead.
    up = functional.normalize(landmarks[:, CROWN] - landmarks[:, CHIN], dim=-1)[:, None]
    axes = torch.stack([across, up * across.norm(dim=-1, keepdim=True)], dim=-2)
    none = across.new_zeros(len(landmarks), 2, KNOTS)
    still = EyeOutlines(corner=corners[:, :, 0], axes=axes, upper=none, lower=none, brow=none)

    def outline(points: Sequence[Sequence[int]], *, lids: bool) -> Float[Tensor, "f 2 k"]:
        along, height = still.coordinates(landmarks[:, points])
        if lids:
            along = functional.pad(functional.pad(along, (1, 0)), (0, 1), value=1.0)
            height = functional.pad(height, (1, 1))
        return at_knots(along, height)

    return replace(
        still,
        upper=outline(UPPERS, lids=True),
        lower=outline(LOWERS, lids=True),
        brow=outline(BROWS, lids=False),
    )


def at_knots(
    along: Float[Tensor, "f 2 n"], height: Float[Tensor, "f 2 n"]
) -> Float[Tensor, "f 2 k"]:
    """Heights at even steps from 0 to 1 along, from those of a few points."""
    knots = np.linspace(0, 1, KNOTS)
    places, values = (each.flatten(0, 1).double().cpu().numpy() for each in (along, height))
    order = np.argsort(places, axis=1)
    rows = [np.interp(knots, x[o], y[o]) for x, y, o in zip(places, values, order, strict=True)]
    return torch.from_numpy(np.stack(rows)).to(height).unflatten(0, height.shape[:2])


def at(
    outline: Float[Tensor, "b 2 k"], along: Float[Tensor, "b 2 h w"]
) -> Float[Tensor, "b 2 h w"]:
    """The height of an outline at places along, between its knots."""
    place = along.clamp(0, 1) * (KNOTS - 1)
    before = place.long().clamp(max=KNOTS - 2)
    first, second = (
        outline.gather(2, knot.flatten(2)).view_as(place) for knot in (before, before + 1)
    )
    return torch.lerp(first, second, place - before)


def drawn_closing(share: float, frames: int, choice: torch.Generator) -> Float[Tensor, " b"]:
    """By how much the lids of each frame are closed further, 0 for most. share: of the frames whose
    lids are. choice: on the host."""
    chance = torch.rand(3, frames, generator=choice)
    return torch.where(chance[1] < FULLY, 1.0, chance[2]) * (chance[0] < share)


@final
class LidCloser:
    """Closes the eyes in some frames of a batch, in picture and expression.

    landmarks: of each frame of the clip, pixels of pictures with sides of `size`.
    """

    def __init__(self, landmarks: Float[Tensor, "f p 2"], *, size: int) -> None:
        self._outlines, self._center = eye_outlines(landmarks), size / 2
        widths = self._outlines.axes[:, :, 0].norm(dim=-1)
        self._side = max(2, round(float(widths.max()) * PATCH))

    def close_some(self, frames: FrameBatch, closing: Float[Tensor, " b"]) -> FrameBatch:
        """The same frames, with lids that are closed further by these shares. closing: on the host,
        so that frames whose share is 0 cost nothing and nothing waits for the device."""
        rows = closing.nonzero()[:, 0]
        if not len(rows):
            return frames
        device = frames.image.device
        return self.close(
            frames, to_device_async(rows, device), to_device_async(closing[rows], device)
        )

    def close(
        self, frames: FrameBatch, rows: Int[Tensor, " c"], closing: Float[Tensor, " c"]
    ) -> FrameBatch:
        """The same frames, with lids that are closed further in those of `rows`. closing: by these
        shares; where it is 0 a frame stays as it is."""
        image, expression = frames.image.clone(), frames.condition.expression.clone()
        image[rows] = self._closed(frames, rows, closing)
        seen = expression[rows]
        blink = torch.maximum(closing * BLINK_LIMIT, seen[:, EXPRESSION_UNITS.index(BLINK)])
        expression[rows] = torch.where(closing[:, None] > 0, blinked(seen, blink), seen)
        return replace(
            frames,
            image=image,
            condition=Condition(speech=frames.condition.speech, expression=expression),
        )

    def _closed(
        self, frames: FrameBatch, rows: Int[Tensor, " c"], closing: Float[Tensor, " c"]
    ) -> UInt8[Tensor, "c h w 3"]:
        """The pictures of some frames with both eyes closed by these shares."""
        image = frames.image[rows]
        outlines = self._outlines.rows(frames.indices[rows])
        moved = self._center - frames.camera.Ks[rows][:, None, :2, 2]
        outlines = replace(outlines, corner=outlines.corner - moved)
        places = self._places(outlines, frames.camera, self._side)
        along, above = outlines.coordinates(places + 0.5)
        seen = blinked_eye(along, above, outlines, closing)
        sources = places - (above - seen.source)[..., None] * outlines.axes[:, :, 1, None, None]
        across, down = (2 * sources + 1).unbind(-1)
        camera = frames.camera
        grid = torch.stack([across / camera.width - 1, down / camera.height - 1], dim=-1)
        picture = image.movedim(-1, 1).float()
        row = torch.arange(len(image), device=image.device)[:, None, None]
        closes = closing[:, None, None, None] > 0
        for eye in (0, 1):
            patch = functional.grid_sample(
                picture, grid[:, eye], mode="bilinear", padding_mode="border", align_corners=False
            )
            lit = (patch * seen.light[:, eye, None]).round().clamp(0, 255).byte()
            x, y = places[:, eye].long().unbind(-1)
            image[row, y, x] = torch.where(closes, lit.movedim(1, -1), image[row, y, x])
        return image

    @staticmethod
    def _places(outlines: EyeOutlines, camera: Camera, side: int) -> Float[Tensor, "c 2 s s 2"]:
        """The pixels of a square around each eye, within the picture."""
        side = min(side, camera.width, camera.height)
        steps = torch.arange(side, device=outlines.corner.device)
        square = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)
        left_top = outlines.corner + (outlines.axes[:, :, 0] - side) / 2
        left, top = left_top.round().clamp_min(0).unbind(-1)
        inside = torch.stack(
            [left.clamp(max=camera.width - side), top.clamp(max=camera.height - side)], dim=-1
        )
        return inside[:, :, None, None] + square


@final
@dataclass(frozen=True, kw_only=True)
class BlinkedEye:
    """What is seen at some places once lids have closed. source: above the line between the
    corners, where it was seen before. light: the share of it that lashes leave."""

    source: Float[Tensor, "b 2 h w"]
    light: Float[Tensor, "b 2 h w"]


def blinked_eye(
    along: Float[Tensor, "b 2 h w"],
    height: Float[Tensor, "b 2 h w"],
    outlines: EyeOutlines,
    closing: Float[Tensor, " b"],
) -> BlinkedEye:
    """Places are coordinates of EyeOutlines. closing: the share to which lids close further."""
    share = closing[:, None, None, None]
    upper, lower, brow = (
        at(curve, along) for curve in (outlines.upper, outlines.lower, outlines.brow)
    )
    upper = torch.maximum(upper, lower)
    top = upper + (ROOM * (brow - upper)).clamp_min(LEAST_ROOM)
    bottom = lower - LOWER_ROOM
    within = (8 * along * (1 - along)).clamp(0, 1)
    edge = torch.where(share > 0, MARGIN * within, 0.0)
    rises = lower + LOWER_RISE * share * (upper - lower)
    falls = upper + share * (rises - upper)
    above = top + (height - top) * (top - upper - edge) / (top - falls)
    below = bottom + (height - bottom) * (lower - edge - bottom) / (rises - bottom)
    skin = torch.where(height >= falls, above, torch.where(height <= rises, below, height))
    changes = (height < top) & (height > bottom) & (along > 0) & (along < 1)
    lashes = (1 - (height - falls).abs() / (2 * LASHES)).clamp_min(0) * within
    return BlinkedEye(
        source=torch.where(changes, skin, height),
        light=1 - torch.where(share > 0, DARKEST * lashes, 0.0),
    )
