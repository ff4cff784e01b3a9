# pyright: strict, reportMissingTypeArgument=false
"""What a video is observed as: its rates, the regions of its pictures, the track of its head.

Those of `types.py` that need no Torch, which takes seconds to load. It gives them, too, to whoever
has loaded Torch.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float

FPS = 25
"""Frames a second of every Clip, Avatar and speech feature."""

SAMPLE_RATE = 16_000
"""Samples a second that every front end takes."""


SAMPLES = SAMPLE_RATE // FPS
"""Samples a frame."""


LANDMARKS = 478
"""Facial landmarks of MediaPipe's face mesh: 468 on the skin, then 5 on each iris."""


class Region(IntEnum):
    """The part of the scene that a pixel shows (docs/method.md#observation). A Clip's
    regions/*.png store these numbers."""

    BACKGROUND = 0
    TORSO = 1
    NECK = 2
    FACE = 3
    HAIR = 4
    MOUTH = 5
    TEETH = 6


HEAD_REGIONS = (Region.FACE, Region.HAIR, Region.MOUTH, Region.TEETH)
"""All that a head's Gaussians show."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """Where the head is in each frame, and its shape.

    rotations, translations: camera to world (the head's frame of reference), OpenGL style (y up,
    looking along -z), metres. landmarks: MediaPipe's 478 points, x and y in pixels, z in pixels
    relative to the head (smaller is nearer). landmarks68: the 68 points of the iBUG scheme, pixels.
    identity: the 478 points at rest, metres, world. found: False where the landmarks were filled in
    between their neighbours. focal: pixels.
    """

    rotations: Float[np.ndarray, "f 3 3"]
    translations: Float[np.ndarray, "f 3"]
    landmarks: Float[np.ndarray, "f 478 3"]
    landmarks68: Float[np.ndarray, "f 68 2"]
    identity: Float[np.ndarray, "478 3"]
    found: Bool[np.ndarray, " f"]
    focal: float
