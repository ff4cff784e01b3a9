"""How much of each pixel belongs to the head, from regions and mattes."""

import cv2
import numpy as np
from jaxtyping import UInt8

from instag.observed import Region


def head_alpha_uint8(
    person: UInt8[np.ndarray, "h w"] | None, regions: UInt8[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w"]:
    """The share of face and hair in each pixel: the person's, where they are or are the nearest
    part of him. person: None where only regions are known."""
    head = (regions == Region.FACE) | (regions == Region.HAIR)
    if person is None:
        return np.where(head, np.uint8(255), np.uint8(0))
    around = (regions == Region.BACKGROUND) & (person > 0)
    to_head, to_rest = (
        cv2.distanceTransform(far.astype(np.uint8), cv2.DIST_L2, 3)
        for far in (~head, head | (regions == Region.BACKGROUND))
    )
    return np.where(head | (around & (to_head < to_rest)), person, np.uint8(0))
