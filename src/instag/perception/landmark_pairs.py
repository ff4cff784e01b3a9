"""Landmark pairs: ends of the distances that are measured in many places, by their numbers in
MediaPipe's face mesh."""

import numpy as np
from jaxtyping import Float

OUTER_EYES = (33, 263)
"""The outer corners of the eyes, left in the picture first."""
MOUTH_CORNERS = (61, 291)
"""Left in the picture first."""
INNER_LIPS = (13, 14)
"""The middles of the upper and the lower lip, inside."""
NOSE_TO_CHIN = (2, 152)
"""The base of the nose, and the chin."""


def distance(
    landmarks: Float[np.ndarray, "f 478 3"], pair: tuple[int, int], axes: int
) -> Float[np.ndarray, " f"]:
    """Between the two, over the first axes: 2 in the picture, 3 with depth."""
    return np.linalg.norm(landmarks[:, pair[0], :axes] - landmarks[:, pair[1], :axes], axis=-1)
