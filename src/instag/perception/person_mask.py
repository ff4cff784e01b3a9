"""The person mask: the probability that a pixel shows the person, by MediaPipe's selfie
segmentation.

Each frame's mask depends on that frame only.
"""

from typing import final

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.perception.bundled_network import BundledNetwork

SIZE = 256
"""Side of the network's input in pixels; frames of any shape are resized to it."""


@final
class PersonSegmenter:
    """MediaPipe's selfie segmentation."""

    def __init__(self) -> None:
        self._network = BundledNetwork("person_mask")

    def __call__(self, frame: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
        """The person's probability in [0, 1] for an RGB frame of any size; edges are a few pixels
        wide."""
        interpolation = cv2.INTER_AREA if min(frame.shape[:2]) > SIZE else cv2.INTER_LINEAR
        small = (
            cv2.resize(frame, (SIZE, SIZE), interpolation=interpolation).astype(np.float32) / 255
        )
        mask = self._network(small[None])[0][0, :, :, 0]
        return cv2.resize(mask, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)
