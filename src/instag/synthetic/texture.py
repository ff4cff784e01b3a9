"""A texture of a synthetic figure: [h, w, 4] uint8, the square root of linear RGB, and a height for
bump mapping. Each is made once for a person."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8


def noise(random: np.random.Generator, size: int, cell: float) -> Float[np.ndarray, "size size"]:
    """Smooth noise of unit variance; `cell` is the width of a bump in pixels."""
    small = max(2, round(size / cell) + 3)
    field = cv2.resize(
        random.standard_normal((small, small)).astype(np.float32),
        (size, size),
        interpolation=cv2.INTER_CUBIC,
    )
    return field / (field.std() + 1e-6)


def packed(color: np.ndarray, height: np.ndarray) -> UInt8[np.ndarray, "h w 4"]:
    """A texture from linear colours and heights in [0, 1]."""
    root = np.sqrt(np.clip(color, 0, 1)) * 255
    return (
        np.concatenate([root, np.clip(height, 0, 1)[..., None] * 255], -1).round().astype(np.uint8)
    )
