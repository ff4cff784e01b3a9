"""Connected components of a mask (bool, or 0 and 1), in which neighbours share a side."""

import cv2
import numpy as np
from jaxtyping import Bool, Int, UInt8

TOP, HEIGHT, AREA = cv2.CC_STAT_TOP, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA
"""Columns of the table that `connected_components` returns."""


def connected_components(
    mask: Bool[np.ndarray, "h w"] | UInt8[np.ndarray, "h w"],
) -> tuple[Int[np.ndarray, "h w"], Int[np.ndarray, "n 5"]]:
    """Each pixel's component, from 1 on (0 outside the mask), and for each component its left, top,
    width, height and area in pixels; row 0 is outside the mask."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(
        np.asarray(mask).astype(np.uint8, copy=False), connectivity=4
    )
    return np.asarray(labels), np.asarray(statistics)


def largest_component(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The component with the most pixels. An empty mask stays empty."""
    labels, statistics = connected_components(mask)
    if len(statistics) == 1:
        return np.zeros(mask.shape, bool)
    return labels == 1 + int(statistics[1:, AREA].argmax())


def small_components(mask: Bool[np.ndarray, "h w"], under: int) -> Bool[np.ndarray, "h w"]:
    """The components with fewer than `under` pixels."""
    found = np.zeros(mask.shape, bool)
    rows, columns = (np.nonzero(mask.any(axis))[0] for axis in (1, 0))
    if not len(rows):
        return found
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    labels, statistics = connected_components(mask[box])
    is_small = statistics[:, AREA] < under
    is_small[0] = False
    if is_small.any():
        found[box] = is_small[labels]
    return found


def fill_holes(mask: Bool[np.ndarray, "h w"], under: int) -> Bool[np.ndarray, "h w"]:
    """The mask with each hole of fewer than `under` pixels filled."""
    return mask | small_components(~mask, under)
