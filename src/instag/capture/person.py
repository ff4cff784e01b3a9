"""The person mask: how likely each pixel shows the person, from MediaPipe's selfie segmentation.

The network is part of the mediapipe wheel; nothing is downloaded. It looks at each frame alone and has no memory.
"""

from typing import final

import cv2
import numpy as np
from jaxtyping import Float, UInt8


@final
class PersonSegmenter:
    """MediaPipe's selfie segmentation. Use one in one thread only, and close it (or use it in a `with` block)."""

    def __init__(self) -> None:
        from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

        self._network = SelfieSegmentation(model_selection=0)

    def __enter__(self) -> "PersonSegmenter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._network.close()

    def __call__(self, frame: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
        """Probability of the person in [0, 1] of an RGB frame of any size, edges a few pixels wide."""
        return self._network.process(np.ascontiguousarray(frame)).segmentation_mask.astype(np.float32)


def largest_part(mask: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """The largest 4-connected part of a mask of 0 and 1, alone. An empty mask stays empty."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count <= 2:
        return mask
    return (labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
