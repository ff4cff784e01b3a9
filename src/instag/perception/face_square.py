"""A face's square: the part of a picture that a network gets, rotated so that the face is
upright."""

from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.perception.landmark_pairs import OUTER_EYES

SIDE_RATIO = 1.5
"""Side of the square over the longer side of the face's box."""


@final
@dataclass(frozen=True, kw_only=True)
class FaceSquare:
    """A rotated square in a picture. center, side: pixels. angle: radians from the picture's x axis
    to the face's, clockwise as displayed."""

    center: Float[np.ndarray, "2"]
    side: float
    angle: float

    def axes(self) -> Float[np.ndarray, "2 2"]:
        """Unit vectors in the picture, one a row: to the right and down in the square."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cosine, sine], [-sine, cosine]])

    def cut(self, image: UInt8[np.ndarray, "h w 3"], size: int) -> UInt8[np.ndarray, "s s 3"]:
        """The upright face, resampled to size x size pixels; black outside of the picture."""
        step = self.axes().T * self.side / size
        corner = self.center + step @ np.full(2, (1 - size) / 2) - 0.5
        to_picture = np.concatenate([step, corner[:, None]], axis=1)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(
            image, to_picture, (size, size), flags=flags, borderMode=cv2.BORDER_CONSTANT
        )

    def to_picture(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Points in pixels of the picture, from points in the square's units: -0.5 to 0.5 along its
        axes, and depth in sides."""
        plane = self.center + points[:, :2] @ self.axes() * self.side
        return np.concatenate([plane, points[:, 2:] * self.side], axis=1)


def square_of_points(points: Float[np.ndarray, "478 3"]) -> FaceSquare:
    """The square around the points of a face mesh, pixels."""
    return _square(points[:, :2].min(0), points[:, :2].max(0), *points[list(OUTER_EYES), :2])


def square_of_box(box: Float[np.ndarray, "4"], eyes: Float[np.ndarray, "2 2"]) -> FaceSquare:
    """The square around a detected face. box: left, top, right, bottom. eyes: left in the picture
    first. All in pixels."""
    return _square(box[:2], box[2:], *eyes)


def _square(
    low: Float[np.ndarray, "2"],
    high: Float[np.ndarray, "2"],
    left: Float[np.ndarray, "2"],
    right: Float[np.ndarray, "2"],
) -> FaceSquare:
    across = right.astype(np.float64) - left
    angle = float(np.arctan2(across[1], across[0]))
    return FaceSquare(
        center=(low + high).astype(np.float64) / 2,
        side=float(SIDE_RATIO * (high - low).max()),
        angle=angle,
    )
