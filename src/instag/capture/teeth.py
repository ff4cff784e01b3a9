"""The teeth: what is bright and not red inside the open mouth (METHOD 5)."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.capture.appearance import fill_polygon
from instag.capture.head_frame import INNER_LIPS
from instag.capture.parts import small_parts

MIN_OPENING = 0.02
"""Height over width of the ring of the inner lips under which a mouth counts as closed."""


def mouth_inside(landmarks: Float[np.ndarray, "478 3"], shape: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
    """The inside of the lips, filled with 1; empty when they touch. `landmarks` in pixels, `shape` height and width."""
    mask = np.zeros(shape, np.uint8)
    ring = landmarks[INNER_LIPS, :2]
    opening = abs(float(landmarks[14, 1] - landmarks[13, 1]))
    width = float(np.ptp(ring[:, 0]))
    if opening > max(MIN_OPENING * width, 0.8):
        fill_polygon(mask, ring, 1)
    return mask


def teeth_likeness(
    frame: UInt8[np.ndarray, "h w 3"],
    mouth: UInt8[np.ndarray, "h w"],
    skin: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "h w"]:
    """How much each pixel of the mouth looks like a tooth, in [0, 1]; 0 outside it.

    `skin`: the face's median Y, Cr, Cb (0..255). A tooth is at least about half as bright as the skin and less red.
    """
    likeness = np.zeros(mouth.shape, np.float32)
    x, y, width, height = cv2.boundingRect(mouth)
    if width == 0:
        return likeness
    box = (slice(y, y + height), slice(x, x + width))
    luma, red = np.moveaxis(cv2.cvtColor(frame[box], cv2.COLOR_RGB2YCrCb)[..., :2].astype(np.float32), -1, 0)
    bright = 1 / (1 + np.exp(-(luma / skin[0] - 0.55) / 0.05))
    pale = 1 / (1 + np.exp(-(skin[1] - 3 - red) / 1.5))
    likeness[box] = cv2.GaussianBlur(bright * pale, (0, 0), max(0.6, frame.shape[0] / 700)) * mouth[box]
    return likeness


def teeth_mask(likeness: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Where the likeness, mixed with the neighbouring frames', is clear; specks of a few pixels are dropped."""
    mask = likeness > 0.5
    return mask & ~small_parts(mask, max(3, round(mask.size * 2e-5)))
