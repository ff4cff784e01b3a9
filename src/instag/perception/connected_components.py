"""The connected parts of a mask: the largest, the small ones, the holes. Masks are 0 and 1 (or
bool); neighbours share a side."""

import cv2
import numpy as np
from jaxtyping import Bool, Int, UInt8

TOP, HEIGHT, AREA = cv2.CC_STAT_TOP, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA
"""Columns of what `connected_components` measures."""


def connected_components(
    mask: Bool[np.ndarray, "h w"] | UInt8[np.ndarray, "h w"],
) -> tuple[Int[np.ndarray, "h w"], Int[np.ndarray, "n 5"]]:
    """Each pixel's part, from 1 on (0 outside the mask), and each part's left, top, width, height
    and area in pixels."""
    _, numbers, measures, _ = cv2.connectedComponentsWithStats(
        np.asarray(mask).astype(np.uint8, copy=False), connectivity=4
    )
    return np.asarray(numbers), np.asarray(measures)


def largest_part(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The part with the most pixels, alone. An empty mask stays empty."""
    numbers, measures = connected_components(mask)
    if len(measures) == 1:
        return np.zeros(mask.shape, bool)
    return numbers == 1 + int(measures[1:, AREA].argmax())


def small_parts(mask: Bool[np.ndarray, "h w"], under: int) -> Bool[np.ndarray, "h w"]:
    """The parts with fewer than `under` pixels."""
    numbers, measures = connected_components(mask)
    is_small = measures[:, AREA] < under
    is_small[0] = False
    return is_small[numbers]


def without_holes(mask: Bool[np.ndarray, "h w"], under: int) -> Bool[np.ndarray, "h w"]:
    """The mask with each hole of fewer than `under` pixels filled."""
    return mask | small_parts(~mask, under)
