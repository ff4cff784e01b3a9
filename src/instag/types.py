"""The values that pass between the parts: cameras, splats, renderings, and the labels of a picture's regions.

Pictures are channels-last, `b h w 3`, RGB, in [0, 1] as floats or 0..255 as uint8. World: metres, the head at the
origin, x right, y up, z out of the face. Cameras: x right, y down, z forward, as rasterizers want them.
"""

from dataclasses import dataclass
from enum import IntEnum

from jaxtyping import Float
from torch import Tensor

FPS = 25
"""Frames a second of every Clip, Avatar and speech feature."""


class Region(IntEnum):
    """What a pixel of a frame shows (METHOD 5). Stored as these numbers in a Clip's regions/*.png."""

    BACKGROUND = 0
    TORSO = 1
    NECK = 2
    FACE = 3
    HAIR = 4
    MOUTH = 5
    TEETH = 6


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A batch of pinhole cameras that share a picture size.

    viewmats: world to camera. Ks: focal lengths and principal points in pixels; pixel centres lie at +0.5.
    """

    viewmats: Float[Tensor, "b 4 4"]
    Ks: Float[Tensor, "b 3 3"]
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Splats:
    """Gaussians as a rasterizer sees them, activated, one set for each frame of a batch.

    means: centres in metres, world. quats: unit, wxyz. scales: standard deviations in metres. opacities: [0, 1].
    """

    means: Float[Tensor, "b n 3"]
    quats: Float[Tensor, "b n 4"]
    scales: Float[Tensor, "b n 3"]
    opacities: Float[Tensor, "b n"]


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """What a renderer paints for a batch of frames.

    colors: sum of weight x colour, no background. detached: the same for the channels that must not move geometry
    (no channels where none were given). alphas: [0, 1]. depths: expected distance along the camera's z in metres,
    sum of weight x z over alpha, 0 where alpha is 0. means2d: projected centres in pixels; its `.grad` after a
    backward pass is what density control reads. radii: largest half extent in pixels, 0 for a splat that is not seen.
    """

    colors: Float[Tensor, "b h w c"]
    detached: Float[Tensor, "b h w k"]
    alphas: Float[Tensor, "b h w"]
    depths: Float[Tensor, "b h w"]
    means2d: Float[Tensor, "b n 2"]
    radii: Float[Tensor, "b n"]
