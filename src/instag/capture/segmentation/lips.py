"""Lips that the tracker's contour takes for the inside of the mouth, found by their colour
(docs/method.md#observation)."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.capture.segmentation.appearance_model import fill_polygon
from instag.perception.head_coordinates import OUTER_LIPS

ALIKE = 7.0
"""Squared deviations from the colour of the lips up to which a pixel is one of them."""
DEEPEST = 0.34
"""Share of the opening's height that may turn out to be lips, from each side: a tongue may have
their colour."""
LEAST_VARIANCE = (16.0, 4.0, 4.0)
"""Of the lips' colour, in OpenCV's Lab of 8 bits."""
OUTLIERS = 2.5 * 1.4826
"""Median deviations from the lips' median colour, highlights and hair lie beyond."""
FEWEST_PIXELS = 40
WIDTHS_A_RIM = 40
"""The contours' error is a mouth's width over this, 1 pixel at least."""

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def without_lips(
    mouth: UInt8[np.ndarray, "h w"],
    frame: UInt8[np.ndarray, "h w 3"],
    landmarks: Float[np.ndarray, "478 d"],
) -> UInt8[np.ndarray, "h w"]:
    """The inside of the mouth without the rim that looks as the lips around it do. Landmarks in
    pixels, RGB."""
    contour = landmarks[OUTER_LIPS, :2]
    box = _around(contour, mouth.shape)
    if not mouth[box].any():
        return mouth
    inside = mouth[box].copy()
    colors = cv2.cvtColor(frame[box], cv2.COLOR_RGB2LAB).astype(np.float32)
    colors = cv2.GaussianBlur(colors, (0, 0), 0.7)
    lips = _sure_lips(inside, contour - (box[1].start, box[0].start))
    if lips.sum() < FEWEST_PIXELS:
        return mouth
    deepest = int(np.ceil(DEEPEST * cv2.blur(inside.sum(0)[None].astype(np.float32), (5, 1)).max()))
    found = mouth.copy()
    found[box] = _peeled(inside, _deviation(colors, colors[lips]) < ALIKE, deepest)
    return found


def _around(contour: Float[np.ndarray, "p 2"], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a picture around the mouth."""
    left, top = np.maximum(np.floor(contour.min(0)).astype(int) - 4, 0)
    right, bottom = np.ceil(contour.max(0)).astype(int) + 5
    return slice(min(top, shape[0]), max(bottom, 0)), slice(min(left, shape[1]), max(right, 0))


def _sure_lips(
    inside: UInt8[np.ndarray, "h w"], contour: Float[np.ndarray, "p 2"]
) -> Bool[np.ndarray, "h w"]:
    """Between the contours, away from both."""
    rim = max(1, round(float(np.ptp(contour[:, 0])) / WIDTHS_A_RIM))
    filled = np.zeros_like(inside)
    fill_polygon(filled, contour, 1)
    filled = cv2.erode(filled, np.ones((3, 3), np.uint8))
    return (filled > 0) & (cv2.dilate(inside, np.ones((2 * rim + 1,) * 2, np.uint8)) == 0)


def _deviation(
    colors: Float[np.ndarray, "h w 3"], lips: Float[np.ndarray, "n 3"]
) -> Float[np.ndarray, "h w"]:
    """Squared deviations of each colour from those of the lips (Mahalanobis)."""
    apart = np.abs(lips - np.median(lips, axis=0))
    usual = (apart <= OUTLIERS * np.median(apart, axis=0) + 1e-3).all(1)
    lips = lips[usual] if usual.sum() >= FEWEST_PIXELS else lips
    spread = np.cov(lips.T) + np.diag(LEAST_VARIANCE)
    away = colors - lips.mean(0)
    return np.einsum("hwc,cd,hwd->hw", away, np.linalg.inv(spread), away)


def _peeled(
    inside: UInt8[np.ndarray, "h w"], lips: Bool[np.ndarray, "h w"], deepest: int
) -> UInt8[np.ndarray, "h w"]:
    """The inside less the lips that its edge reaches within so many pixels."""
    for _ in range(deepest):
        edge = (inside > 0) & (cv2.erode(inside, _CROSS, borderValue=0) == 0)
        if not (edge & lips).any():
            break
        inside[edge & lips] = 0
    return cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
