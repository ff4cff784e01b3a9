"""The person mask: how likely each pixel shows the person, from MediaPipe's selfie segmentation.

The network is part of the mediapipe wheel; nothing is downloaded. It looks at each frame alone and
has no memory.
"""

from typing import Any, final

import numpy as np
from jaxtyping import Float, UInt8

from instag.perception.native_logs import native_logs_hidden


@final
class PersonSegmenter:
    """MediaPipe's selfie segmentation. Use one in one thread only, and close it (or use it in a
    `with` block)."""

    def __init__(self) -> None:
        from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

        with native_logs_hidden():
            self._network = SelfieSegmentation(model_selection=0)
            self._network.process(np.zeros((16, 16, 3), np.uint8))

    def __enter__(self) -> "PersonSegmenter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._network.close()

    def __call__(self, frame: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
        """Probability of the person in [0, 1] of an RGB frame of any size, edges a few pixels
        wide."""
        result: Any = self._network.process(np.ascontiguousarray(frame))
        return np.asarray(result.segmentation_mask, np.float32)
