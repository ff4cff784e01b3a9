"""The parts of a true picture in which a prediction is compared pixel by pixel: outline, hair, eyes
and neck."""

from typing import Final, Literal

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.data.head_mask import head_alpha_uint8
from instag.types import Region

Part = Literal["outline", "hair", "eyes", "neck"]
PARTS: Final[tuple[Part, ...]] = ("outline", "hair", "eyes", "neck")

OUTLINE_REACH = 10 / 512
"""Half the width of the outline band over the picture's height."""
EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
"""Landmarks around the opening of each eye."""
EYE_MARGIN = 0.3
"""Margin around an eye's landmarks over their width: lids and lashes are inside."""
LEAST_PIXELS = 30
"""Pixels below which a part counts as not seen."""


def part_masks(
    size: tuple[int, int],
    landmarks: Float[np.ndarray, "478 3"] | None = None,
    regions: UInt8[np.ndarray, "h w"] | None = None,
    matte: UInt8[np.ndarray, "h w"] | None = None,
) -> dict[Part, Bool[np.ndarray, "h w"]]:
    """The pixels of each part of a true frame of `size` = (width, height); parts that cannot be
    known or are hardly seen are left out.

    outline: within 10 pixels (at 512) of the edge between head and backdrop, from the matte where
    there is one, else from regions; not where the head meets neck or torso. hair, neck: those
    regions. eyes: boxes around both eyes' landmarks with a margin of 0.3 of their width.
    """
    masks: dict[Part, Bool[np.ndarray, "h w"]] = {}
    if regions is not None:
        masks["outline"] = outline_band(regions, matte)
        masks["hair"], masks["neck"] = regions == Region.HAIR, regions == Region.NECK
    if landmarks is not None and np.isfinite(landmarks).all():
        masks["eyes"] = _eye_boxes(size, landmarks)
    return {part: mask for part, mask in masks.items() if mask.sum() >= LEAST_PIXELS}


def outline_band(
    regions: UInt8[np.ndarray, "h w"], matte: UInt8[np.ndarray, "h w"] | None
) -> Bool[np.ndarray, "h w"]:
    """Pixels near the edge between head and backdrop."""
    head = head_alpha_uint8(matte, regions) >= 128
    outside = regions == Region.BACKGROUND if matte is None else matte < 128
    edge = head & cv2.dilate(outside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    if not edge.any():
        return edge
    away = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 3)
    return away <= OUTLINE_REACH * len(regions)


def _eye_boxes(
    size: tuple[int, int], landmarks: Float[np.ndarray, "478 3"]
) -> Bool[np.ndarray, "h w"]:
    mask = np.zeros(size[::-1], bool)
    for eye in EYES:
        points = landmarks[list(eye), :2]
        low, high = points.min(0), points.max(0)
        margin = EYE_MARGIN * (high[0] - low[0])
        (left, top), (right, bottom) = (
            np.clip(np.rint(corner), 0, size).astype(int)
            for corner in (low - margin, high + margin)
        )
        mask[top:bottom, left:right] = True
    return mask
