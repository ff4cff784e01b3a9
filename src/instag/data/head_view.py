"""HeadView: one frame of a head with its camera, and the way from its pixels to places in the head:
what lies on the tracked points, and what lies beside them, hair, ears and crown.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from numba import njit
from torch import Tensor
from torch.nn.functional import normalize

from instag.runtime.parallel import in_order
from instag.types import Region

BETWEEN = 0.008
"""Metres: pixels so near to a tracked point lie between such points, those farther off beside
them."""
OPAQUE = 200
"""Of 255: pixels that show the head nearly alone."""
SEEN_INSIDE = 0.85
"""In this share of some views a point of the head must lie within the person (`share_inside`)."""
CELL = 8.0
"""Side of the squares, pixels, whose pixels share a list of points that can be the nearest."""
SMOOTH = 0.003
"""Deviation of the blur before colours are compared, in the picture's side."""


@final
@dataclass(frozen=True, kw_only=True)
class HeadView:
    """A frame and its camera, on the host. alpha: of the head, of 255. K: pixels; pose: world to
    camera."""

    image: UInt8[np.ndarray, "h w 3"]
    regions: UInt8[np.ndarray, "h w"]
    alpha: UInt8[np.ndarray, "h w"]
    K: Float[Tensor, "3 3"]
    pose: Float[Tensor, "4 4"]

    def head_pixels(self) -> Int[Tensor, "n 2"]:
        """Row and column of the pixels that show the head nearly alone."""
        head = (self.regions == Region.FACE) | (self.regions == Region.HAIR)
        return torch.nonzero(torch.from_numpy(head & (self.alpha >= OPAQUE)))

    def person(self) -> Float[Tensor, "h w"]:
        """1 where the person is, 0 beside it."""
        return torch.from_numpy(self.regions != Region.BACKGROUND).float()

    def smoothed(self) -> UInt8[np.ndarray, "h w 3"]:
        """The picture, blurred by SMOOTH of its side."""
        return np.asarray(cv2.GaussianBlur(self.image, (0, 0), SMOOTH * len(self.image)), np.uint8)

    def project(self, points: Float[Tensor, "p 3"]) -> Float[Tensor, "p 3"]:
        """Column and row in pixels, and depth in metres, of points of the head."""
        seen = points @ self.pose[:3, :3].mT + self.pose[:3, 3]
        flat = seen[:, :2] / seen[:, 2:] * self.K[0, 0] + self.K[:2, 2]
        return torch.cat([flat, seen[:, 2:]], dim=1)

    def lift(self, pixels: Int[Tensor, "n 2"], depth: Float[Tensor, " n"]) -> Float[Tensor, "n 3"]:
        """Places in the head's frame, metres, that pixels (row, column) show at these depths."""
        sideways = (pixels.flip(1).float() + 0.5 - self.K[:2, 2]) / self.K[0, 0] * depth[:, None]
        return (torch.cat([sideways, depth[:, None]], dim=1) - self.pose[:3, 3]) @ self.pose[:3, :3]

    def camera_center(self) -> Float[Tensor, "3"]:
        """In the head's frame, metres."""
        return -self.pose[:3, 3] @ self.pose[:3, :3]


@final
@dataclass(frozen=True, kw_only=True)
class NearestPoints:
    """The tracked points that some pixels lie nearest to. depth: theirs, metres. away: how far the
    pixels are from them beyond BETWEEN, metres. angle: where the pixels lie seen from the middle of
    the face, radians, counterclockwise from the picture's right in the head's own axes."""

    depth: Float[Tensor, " n"]
    away: Float[Tensor, " n"]
    angle: Float[Tensor, " n"]


def nearest_points(
    view: HeadView, tracked: Float[Tensor, "p 3"], pixels: Int[Tensor, "n 2"]
) -> NearestPoints:
    """Of the tracked points, metres, those nearest to pixels (row, column) of a view."""
    seen, places = view.project(tracked), pixels.flip(1) + 0.5
    away, index = nearest(seen[:, :2].double().numpy(), places.double().numpy())
    depth, aside = seen[torch.from_numpy(index), 2], places - seen[:, :2].mean(0)
    right, up = (normalize(view.pose[:2, axis], dim=0) for axis in (0, 1))
    metres = torch.from_numpy(away).float() * depth / view.K[0, 0]
    return NearestPoints(
        depth=depth,
        away=(metres - BETWEEN).clamp_min(0),
        angle=torch.atan2(aside @ up, aside @ right) % (2 * math.pi),
    )


def head_pixels_of(
    views: Sequence[HeadView], tracked: Float[Tensor, "p 3"]
) -> list[tuple[Int[Tensor, "n 2"], NearestPoints]]:
    """Of each view the pixels that show the head, and the tracked points, metres, nearest to
    them."""

    def work(view: HeadView) -> tuple[Int[Tensor, "n 2"], NearestPoints]:
        pixels = view.head_pixels()
        return pixels, nearest_points(view, tracked, pixels)

    return list(in_order(work, views))


def nearest(
    points: Float[np.ndarray, "p 2"], places: Float[np.ndarray, "n 2"]
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """How far the nearest of the points is from each place, and which it is. For places that lie as
    close as pixels do this is many times as fast as a k-d tree."""
    away, index = np.empty(len(places)), np.empty(len(places), np.int64)
    if len(places):
        cells = np.floor((places - places.min(0)) / CELL).astype(np.int64)
        order = np.lexsort(cells.T)
        _nearest(points, places, cells, order, away, index)
    return away, index


@njit(cache=True, nogil=True)
def _nearest(points, places, cells, order, away, index):  # pragma: no cover - compiled
    """`order` sorts the places by cells, squares of CELL: no point is the nearest to any place of a
    cell that is farther from its first place than the nearest one is by twice the cell's
    diagonal."""
    squares, few = np.empty(len(points)), np.empty(len(points), np.int64)
    count, slack = 0, 2 * np.sqrt(2.0) * CELL + 1e-6
    for number in range(len(order)):
        place = order[number]
        x, y = places[place, 0], places[place, 1]
        before = order[number - 1]
        if (
            number == 0
            or cells[place, 0] != cells[before, 0]
            or cells[place, 1] != cells[before, 1]
        ):
            for point in range(len(points)):
                squares[point] = (points[point, 0] - x) ** 2 + (points[point, 1] - y) ** 2
            reach, count = (np.sqrt(squares.min()) + slack) ** 2, 0
            for point in range(len(points)):
                if squares[point] <= reach:
                    few[count] = point
                    count += 1
        least = np.inf
        for candidate in range(count):
            point = few[candidate]
            square = (points[point, 0] - x) ** 2 + (points[point, 1] - y) ** 2
            if square < least:
                least = square
                index[place] = point
        away[place] = np.sqrt(least)


def share_inside(views: Sequence[HeadView], points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
    """In what share of the views points lie within the person: torso and neck may hide a point,
    what is behind the person can not."""
    found = []
    for view in views:
        person = view.person()
        height, width = person.shape
        column, line, _ = view.project(points).long().T
        found.append(person[line.clamp(0, height - 1), column.clamp(0, width - 1)])
    return torch.stack(found).mean(0)
