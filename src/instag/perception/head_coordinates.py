"""Head coordinates: a similarity transform from a frame's pixels to the front view of the face at
rest.

In head coordinates face, ears and hair stay in place while the head moves, so that statistics of
one frame apply to all. x runs from -1 to 1 between the ears' landmarks, y from 0 at the chin up to
1 at the top of the forehead.
"""

import numpy as np
from jaxtyping import Float

_LEFT_HALF = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
)
_RIGHT_HALF = (152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
OVAL = np.array((*_LEFT_HALF, *_RIGHT_HALF))
"""MediaPipe's face oval, clockwise in the picture from the forehead's top."""
INNER_LIPS = np.array(
    [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95]
)
"""The loop of landmarks around the inside of the mouth."""
OUTER_LIPS = np.array(
    [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146]
)
"""The loop of landmarks around the lips."""
CHIN, CROWN, RIGHT, LEFT = 152, 10, 234, 454
EYE_CORNERS = ((33, 133), (263, 362))
"""Outer and inner corner of each eye."""
_RIGID = np.array(
    [
        *[10, 109, 338, 67, 297, 54, 284, 21, 251, 162, 389, 127, 356],
        *[234, 454, 93, 323, 168, 6, 197, 195, 33, 133, 362, 263],
    ]
)


def to_head(
    landmarks: Float[np.ndarray, "478 d"], identity: Float[np.ndarray, "478 3"]
) -> Float[np.ndarray, "2 3"]:
    """The affine map [A | b] from pixels to head coordinates: head = A pixel + b.

    It is the least-squares similarity from the frame's landmarks (pixels, y down) to the rest
    shape (metres, y up), followed by the change of units. Only points that do not move with mouth
    and jaw are used.
    """
    rest = identity[_RIGID, :2].astype(np.float64)
    observed = landmarks[_RIGID, :2].astype(np.float64) * (1, -1)
    rest_mean, observed_mean = rest.mean(0), observed.mean(0)
    a, b = rest - rest_mean, observed - observed_mean
    norm = (b * b).sum()
    cos, sin = (a * b).sum() / norm, (a[:, 1] * b[:, 0] - a[:, 0] * b[:, 1]).sum() / norm
    linear = np.array([[cos, -sin], [sin, cos]])
    offset = rest_mean - linear @ observed_mean
    width = identity[LEFT, 0] - identity[RIGHT, 0]
    height = identity[CROWN, 1] - identity[CHIN, 1]
    origin = np.array([(identity[LEFT, 0] + identity[RIGHT, 0]) / 2, identity[CHIN, 1]])
    scale = np.array([2 / width, 1 / height])
    linear = scale[:, None] * linear * (1, -1)
    return np.column_stack([linear, scale * (offset - origin)])
