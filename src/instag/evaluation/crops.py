"""The boxes in which a frame is measured: whole picture, head, face and mouth, all from the true
frame."""

from dataclasses import dataclass
from typing import Final, Literal, TypeVar, final

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.perception.face_mesh import IBUG_68
from instag.types import HEAD_REGIONS

Picture = TypeVar("Picture", np.ndarray, Tensor)
Place = Literal["full", "head", "face", "mouth"]
PLACES: Final[tuple[Place, ...]] = ("full", "head", "face", "mouth")

OVER_FACE, BESIDE_FACE, UNDER_FACE = 0.45, 0.13, 0.02
"""Extent of a head beyond its landmarks, where there are no regions: hair above in face
heights, ears in face widths, chin in face heights. Means over real clips with regions."""
FACE_MARGIN = 1.05
"""Side of the face box over the longer side of its landmarks' box."""
MOUTH_MARGIN = 1.5
"""Side of the mouth box over the longer side of its lips' box: lips that open wider than the true
ones are still inside."""
MIN_MOUTH_SIDE = 32
"""Least side of the mouth box in pixels, for LPIPS."""
LIPS = IBUG_68[48:60]
"""Landmarks of the outer lips, points 48 to 59 of the 68."""


@final
@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle of whole pixels: columns left to right - 1, rows top to bottom - 1."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def cut(self, picture: Picture) -> Picture:
        """This part of a picture [h w ...], as a view."""
        return picture[self.top : self.bottom, self.left : self.right]


def boxes(
    size: tuple[int, int],
    landmarks: Float[np.ndarray, "478 3"] | None = None,
    regions: UInt8[np.ndarray, "h w"] | None = None,
) -> dict[Place, Box]:
    """The boxes of a true frame of `size` = (width, height) pixels, from its landmarks in pixels
    and, where there are, its Region numbers.

    full: the picture. head: the bounding box of the pixels labelled face, hair, mouth or teeth;
    without any, that of all landmarks with 0.45 face heights above, 0.13 face widths at each side
    and 0.02 face heights below. face: the square around the landmarks' bounding box, 1.05 times its
    longer side. mouth: the square around the outer lips' bounding box, 1.5 times its longer side
    and 32 pixels at least. Squares share the centre of what they surround. A box that reaches out
    of the picture is cut at its edge, but the mouth's is moved inside. Edges are rounded to whole
    pixels. Boxes that cannot be known, or lie wholly outside the picture, are left out.
    """
    found: dict[Place, Box] = {"full": Box(left=0, top=0, right=size[0], bottom=size[1])}
    head = None if regions is None else _around_labels(regions)
    points = None if landmarks is None or not np.isfinite(landmarks).all() else landmarks[:, :2]
    if head is None and points is not None:
        head = _cut_at_edges(*_grown_to_head(*_bounds(points)), size)
    if head is not None:
        found["head"] = head
    if points is not None:
        face = _cut_at_edges(*_square(*_bounds(points), margin=FACE_MARGIN), size)
        mouth = _moved_inside(*_square(*_bounds(points[LIPS]), margin=MOUTH_MARGIN), size)
        found |= {"face": face} if face is not None else {}
        found |= {"mouth": mouth} if mouth is not None else {}
    return found


def _around_labels(regions: UInt8[np.ndarray, "h w"]) -> Box | None:
    inside = np.isin(regions, HEAD_REGIONS)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        return None
    return Box(
        left=int(columns[0]), top=int(rows[0]), right=int(columns[-1]) + 1, bottom=int(rows[-1]) + 1
    )


def _bounds(
    points: Float[np.ndarray, "p 2"],
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    return points.min(0).astype(np.float64), points.max(0).astype(np.float64)


def _grown_to_head(
    low: Float[np.ndarray, "2"], high: Float[np.ndarray, "2"]
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    (left, top), (right, bottom), (width, height) = low, high, high - low
    return np.array([left - BESIDE_FACE * width, top - OVER_FACE * height]), np.array(
        [right + BESIDE_FACE * width, bottom + UNDER_FACE * height]
    )


def _square(
    low: Float[np.ndarray, "2"], high: Float[np.ndarray, "2"], *, margin: float
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    center, half = (low + high) / 2, (high - low).max() * margin / 2
    return center - half, center + half


def _cut_at_edges(
    low: Float[np.ndarray, "2"], high: Float[np.ndarray, "2"], size: tuple[int, int]
) -> Box | None:
    left, top = np.clip(np.rint(low), 0, size).astype(int).tolist()
    right, bottom = np.clip(np.rint(high), 0, size).astype(int).tolist()
    return (
        Box(left=left, top=top, right=right, bottom=bottom)
        if right > left and bottom > top
        else None
    )


def _moved_inside(
    low: Float[np.ndarray, "2"], high: Float[np.ndarray, "2"], size: tuple[int, int]
) -> Box | None:
    """A square moved into the picture at its full size, as LPIPS needs it, unless the picture is
    smaller."""
    if _cut_at_edges(low, high, size) is None:
        return None
    side = max(MIN_MOUTH_SIDE, round(float(high[0] - low[0])))
    (left, width), (top, height) = (
        (int(np.clip(round(float(middle - side / 2)), 0, max(0, length - side))), min(side, length))
        for middle, length in zip((low + high) / 2, size, strict=True)
    )
    return Box(left=left, top=top, right=left + width, bottom=top + height)
