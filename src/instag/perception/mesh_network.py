"""The face mesh network: 478 points of the face in a square, and the probability that there is one.

MediaPipe's face landmark network with irises (Kartynnik et al., "Real-time Facial Surface Geometry
from Monocular Video on Mobile GPUs", 2019; Grishchenko et al., "Attention Mesh", 2020).
"""

from typing import final

import numpy as np
from jaxtyping import Float, UInt8

from instag.perception.bundled_network import BundledNetwork
from instag.perception.face_square import FaceSquare

SIZE = 256
"""Side of the network's input in pixels."""


@final
class MeshNetwork:
    """Runs on one square of one picture at a time; it keeps nothing between pictures."""

    def __init__(self) -> None:
        self._network = BundledNetwork("face_mesh")

    def __call__(
        self, image: UInt8[np.ndarray, "h w 3"], square: FaceSquare
    ) -> tuple[Float[np.ndarray, "478 3"], float]:
        """The points in pixels of the RGB picture (smaller z is nearer to the camera), and the
        probability of a face.
        """
        cropped = square.cut(image, SIZE).astype(np.float32)[None] / 255
        outputs, presence = self._network(cropped)[:2]
        points = outputs.reshape(-1, 3).astype(np.float64) / SIZE - [0.5, 0.5, 0]
        return square.to_picture(points).astype(np.float32), float(
            1 / (1 + np.exp(-presence.item()))
        )
