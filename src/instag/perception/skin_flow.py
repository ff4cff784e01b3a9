"""Optical flow of the skin from each frame to the next, accurate to a tenth of a pixel.

Landmarks jitter by about a pixel from frame to frame, but do not drift; flow is precise from frame
to frame, but its sum drifts. Tracking combines both.
"""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

SKIN = np.array(
    [
        *[151, 9, 8, 168, 6, 197, 195, 5, 4, 50, 280, 101, 330, 36],
        *[266, 129, 358, 117, 346, 123, 352, 69, 299, 104, 333, 108, 337],
    ]
)
"""Landmarks on skin that moves with the skull, away from the face's outline: forehead, nose,
cheekbones."""
WINDOW = 25
"""Side in pixels of the patch that is tracked, at a picture size of 512."""
RETURN_ERROR = 0.2
"""A point is dropped if tracking it forward and back ends more pixels than this from its start."""


class SkinFlow:
    """Tracks the SKIN landmarks from picture to picture (Lucas-Kanade, forward and back)."""

    def __init__(self) -> None:
        self._previous: tuple[UInt8[np.ndarray, "h w"], Float[np.ndarray, "p 2"]] | None = None

    def step(
        self, image: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "478 3"] | None
    ) -> Float[np.ndarray, "p 2"]:
        """Motion in pixels from the last call's picture to this one, at the last call's landmarks;
        NaN where unknown.

        points: this picture's landmarks, or None where it has no face.
        """
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        current = None if points is None else points[SKIN, :2].astype(np.float32)
        moved = np.full((len(SKIN), 2), np.nan, np.float32)
        if self._previous is not None and current is not None:
            moved = _track(self._previous[0], grey, self._previous[1], current)
        self._previous = None if current is None else (grey, current)
        return moved


def _track(
    first: UInt8[np.ndarray, "h w"],
    second: UInt8[np.ndarray, "h w"],
    start: Float[np.ndarray, "p 2"],
    guess: Float[np.ndarray, "p 2"],
) -> Float[np.ndarray, "p 2"]:
    side = max(9, round(WINDOW * len(first) / 512)) | 1
    settings = {
        "winSize": (side, side),
        "maxLevel": 2,
        "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
        "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.01),
    }
    forward, found, _ = cv2.calcOpticalFlowPyrLK(
        first, second, start[:, None], guess[:, None].copy(), **settings
    )
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(
        second, first, forward, start[:, None].copy(), **settings
    )
    good = (
        (found[:, 0] > 0)
        & (found_back[:, 0] > 0)
        & (np.linalg.norm(back[:, 0] - start, axis=-1) < RETURN_ERROR)
    )
    return np.where(good[:, None], forward[:, 0] - start, np.nan).astype(np.float32)
