"""Hair by MediaPipe's hair segmentation (hair_segmentation.tflite, an optional file).

The network's input is the frame at 512 x 512 and, as a fourth channel, its mask of the frame
before, which makes the masks steady in time. Tkachenka et al., "Real-time Hair Segmentation and
Recoloring on Mobile GPUs", 2019.
"""

from pathlib import Path
from typing import final

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.assets.onnx_graph import check_onnx
from instag.assets.tflite.to_onnx import onnx_of_tflite
from instag.errors import AssetDamaged
from instag.perception.bundled_network import BundledNetwork
from instag.runtime.untrusted import parsing, read_at_most

SIZE = 512
INPUT_SHAPE = (1, SIZE, SIZE, 4)
MOST_BYTES = 2**28
"""Of the file; the published one has 0.74 MiB."""
HAIR = 1
"""The channel of hair, of two."""


@final
class HairSegmenter:
    """MediaPipe's hair segmentation over the frames of one sequence. Raises AssetDamaged."""

    def __init__(self, path: Path) -> None:
        self._previous = np.zeros((SIZE, SIZE), np.float32)
        remedy = "Get it again: instag assets get hair"
        with parsing(path, "a hair segmentation", remedy, error=AssetDamaged):
            with path.open("rb") as file:
                data = onnx_of_tflite(read_at_most(file, MOST_BYTES, path.name), "hair")
            check_onnx(data)
            self._network = BundledNetwork(data)
        if self._network.shape != INPUT_SHAPE:
            raise AssetDamaged(
                f"{path} is another network: its input is {self._network.shape}, not "
                f"{INPUT_SHAPE}. Get it again: instag assets get hair"
            )

    def __call__(self, frame: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
        """The probability of hair in [0, 1] in the next RGB frame of the sequence."""
        small = cv2.resize(
            frame,
            (SIZE, SIZE),
            interpolation=cv2.INTER_AREA if len(frame) > SIZE else cv2.INTER_LINEAR,
        )
        self._previous = self._segment(
            np.dstack([small, (self._previous * 255).round().astype(np.uint8)])
        )
        return np.clip(
            cv2.resize(self._previous, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR), 0, 1
        )

    def _segment(self, stacked: UInt8[np.ndarray, "s s 4"]) -> Float[np.ndarray, "s s"]:
        logits = self._network(stacked.astype(np.float32)[None] / 255)[0][0]
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        return shares[..., HAIR] / shares.sum(-1)
