"""Surface: the geometry priors of one frame, and how a clip stores them: at half size, depth in
0.1 mm (0 where unknown), normals x 127."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
from jaxtyping import Bool, Float

from instag.runtime.untrusted import check_array

Size = tuple[int, int]
"""Width and height, pixels."""


@final
@dataclass(frozen=True, kw_only=True)
class Surface:
    """depth: metres along the camera's z. normal: unit, world axes turned into the camera's (x
    right, y up, z toward the camera). valid: where both are known."""

    depth: Float[np.ndarray, "h w"]
    normal: Float[np.ndarray, "h w 3"]
    valid: Bool[np.ndarray, "h w"]

    @classmethod
    def from_stored(cls, stored: Mapping[str, np.ndarray], size: Size) -> "Surface":
        """At full size, from what is stored of a picture of this size. Raises ValueError where it
        is of another size or type."""
        half = size[1] // 2, size[0] // 2
        check_array("depth", stored["depth"], half, "u")
        check_array("normal", stored["normal"], (*half, 3), "i")
        depth, normal = (
            stored["depth"].astype(np.float32) * 1e-4,
            stored["normal"].astype(np.float32) / 127,
        )
        known = (depth > 0).astype(np.float32)
        valid = cv2.resize(known, size, interpolation=cv2.INTER_LINEAR) > 0.999
        depth = cv2.resize(depth, size, interpolation=cv2.INTER_LINEAR)
        normal = cv2.resize(normal, size, interpolation=cv2.INTER_LINEAR)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-8
        return cls(depth=depth, normal=normal, valid=valid)

    def to_stored(self, size: Size) -> dict[str, np.ndarray]:
        """What is stored of a picture of this size. The surface may have any; half of it is stored
        as it is."""
        half = size[0] // 2, size[1] // 2
        depth, normal = np.where(self.valid, self.depth, 0), self.normal
        if depth.shape[::-1] != half:
            depth, normal = (
                cv2.resize(each, half, interpolation=cv2.INTER_NEAREST) for each in (depth, normal)
            )
        return {
            "depth": (depth * 1e4).round().astype(np.uint16),
            "normal": (normal * 127).round().astype(np.int8),
        }
