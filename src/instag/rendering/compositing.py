"""Composition of layers, back to front: backdrop, torso, inside of the mouth, face
(docs/method.md#a-frame)."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from numba import njit, prange
from torch import Tensor

from instag.runtime.device import numba_threads_like_torch

DILATION = 13
"""Pixels: the window that `--dilate` widens the mouth's alpha with."""


def over(
    front: Float[Tensor, "b h w c"],
    alphas: Float[Tensor, "b h w"],
    behind: Float[Tensor, "*any h w c"],
) -> Float[Tensor, "b h w c"]:
    """`front`, already multiplied by its alpha, laid over `behind`."""
    return front + (1 - alphas[..., None]) * behind


def dilate(alphas: Float[Tensor, "b h w"], window: int = DILATION) -> Float[Tensor, "b h w"]:
    """The largest alpha in a `window` x `window` square (odd, pixels) around each pixel."""
    rows = F.max_pool2d(alphas[:, None], (1, window), 1, (0, window // 2))
    return F.max_pool2d(rows, (window, 1), 1, (window // 2, 0))[:, 0]


def behind_head(
    torso: Float[Tensor, "b h w 4"], backdrop: Float[Tensor, "*any h w 3"]
) -> Float[Tensor, "b h w 3"]:
    """Torso frames (RGBA, not multiplied by alpha) over the backdrop."""
    return over(torso[..., :3] * torso[..., 3:], torso[..., 3], backdrop)


def compose(
    *,
    face: Float[Tensor, "b h w 3"],
    face_alphas: Float[Tensor, "b h w"],
    mouth: Float[Tensor, "b h w 3"],
    mouth_alphas: Float[Tensor, "b h w"],
    behind: Float[Tensor, "*any h w 3"],
    dilation: int = 0,
) -> Float[Tensor, "b h w 3"]:
    """The whole frame: mouth over `behind` (torso and backdrop), face over that. Layers are
    multiplied by their alpha.

    dilation: pixels of the window that widens the mouth's alpha, so that no torso shines through
    parted lips; 0 for none.
    """
    if dilation:
        mouth_alphas = dilate(mouth_alphas, dilation)
    return over(face, face_alphas, over(mouth, mouth_alphas, behind))


def composite_uint8(
    *,
    face: Float[Tensor, "b h w 3"],
    face_alphas: Float[Tensor, "b h w"],
    mouth: Float[Tensor, "b h w 3"],
    mouth_alphas: Float[Tensor, "b h w"],
    behind: UInt8[Tensor, "b h w 3"],
    dilation: int = 0,
) -> UInt8[Tensor, "b h w 3"]:
    """`composite.compose` over bytes, as bytes rounded to nearest (halves to even). On a CPU in one
    pass, with the same bits."""
    fast = face.device.type == "cpu" and face.dtype == mouth.dtype == torch.float32
    lay = _finished_fast if fast else _finished_torch
    return lay(
        face,
        face_alphas,
        mouth,
        dilate(mouth_alphas, dilation) if dilation else mouth_alphas,
        behind,
    )


def _finished_torch(
    face: Tensor, face_alphas: Tensor, mouth: Tensor, mouth_alphas: Tensor, behind: Tensor
) -> Tensor:
    picture = compose(
        face=face,
        face_alphas=face_alphas,
        mouth=mouth,
        mouth_alphas=mouth_alphas,
        behind=behind.float() / 255,
    )
    return picture.mul_(255).round_().clamp_(0, 255).byte()


def _finished_fast(
    face: Tensor, face_alphas: Tensor, mouth: Tensor, mouth_alphas: Tensor, behind: Tensor
) -> Tensor:
    numba_threads_like_torch()
    picture = torch.empty_like(behind)
    lights = (torch.arange(256, dtype=torch.float32) / 255).numpy()
    _finish(
        tuple(layer.detach().numpy() for layer in (face, face_alphas, mouth, mouth_alphas, behind)),
        lights,
        picture.numpy(),
    )
    return picture


@njit(cache=True, parallel=True, error_model="numpy")
def _finish(layers, lights, picture):
    """One rounding after each product and each sum, as torch does. lights: what each byte stands
    for."""
    face, face_alphas, mouth, mouth_alphas, behind = layers
    frames, height, width, _ = picture.shape
    one, most = np.float32(1), np.float32(255)
    for row in prange(frames * height):
        frame, y = row // height, row % height
        for x in range(width):
            past_face, past_mouth = one - face_alphas[frame, y, x], one - mouth_alphas[frame, y, x]
            for channel in range(3):
                inner = (
                    mouth[frame, y, x, channel] + past_mouth * lights[behind[frame, y, x, channel]]
                )
                light = np.rint((face[frame, y, x, channel] + past_face * inner) * most)
                picture[frame, y, x, channel] = np.uint8(min(max(light, np.float32(0)), most))
