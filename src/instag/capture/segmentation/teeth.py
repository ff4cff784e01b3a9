"""The teeth: bright, not red pixels inside the open mouth (docs/method.md#observation)."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.capture.segmentation.appearance_model import fill_polygon
from instag.perception.connected_components import small_components
from instag.perception.head_coordinates import INNER_LIPS

MIN_OPENING = 0.02
"""Height over width of the inner lips' contour below which a mouth is closed."""


def mouth_inside(
    landmarks: Float[np.ndarray, "478 3"], shape: tuple[int, int]
) -> UInt8[np.ndarray, "h w"]:
    """The inside of the lips as 1; empty when they touch. `landmarks` in pixels, `shape` height and
    width."""
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
    """Tooth likelihood of each pixel of the mouth, in [0, 1]; 0 outside it.

    `skin`: the face's median Y, Cr, Cb (0..255). A tooth is at least about half as bright as the
    skin, and less red than the skin or, where the light is warm, clearly less red than the lips
    around the mouth.
    """
    likeness = np.zeros(mouth.shape, np.float32)
    x, y, width, height = cv2.boundingRect(mouth)
    if width == 0:
        return likeness
    rim = max(2, round(frame.shape[0] / 100))
    box = (slice(max(0, y - rim), y + height + rim), slice(max(0, x - rim), x + width + rim))
    inside = mouth[box]
    luma, red = np.moveaxis(
        cv2.cvtColor(frame[box], cv2.COLOR_RGB2YCrCb)[..., :2].astype(np.float32), -1, 0
    )
    lips = (cv2.dilate(inside, np.ones((2 * rim + 1, 1), np.uint8)) > 0) & (inside == 0)
    reddest = max(skin[1] - 3, float(np.median(red[lips])) - 9) if lips.any() else skin[1] - 3
    bright = 1 / (1 + np.exp(-(luma / skin[0] - 0.55) / 0.05))
    pale = 1 / (1 + np.exp(-(reddest - red) / 1.5))
    likeness[box] = cv2.GaussianBlur(bright * pale, (0, 0), max(0.6, frame.shape[0] / 700)) * inside
    return likeness


def teeth_mask(likeness: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Where the likelihood, averaged over neighbouring frames, exceeds a half; components of a few
    pixels are removed."""
    mask = likeness > 0.5
    return mask & ~small_components(mask, max(3, round(mask.size * 2e-5)))
