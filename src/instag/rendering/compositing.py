"""Composition of layers, back to front: backdrop, torso, inside of the mouth, face
(docs/method.md#a-frame)."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from numba import prange
from torch import Tensor

from instag.runtime.parallel_kernel import parallel_njit
from instag.runtime.threads import numba_threads_like_torch
from instag.types import Rendering

DILATION = 13
"""Pixels: the window with which `--dilate` widens the mouth's alpha."""


@final
@dataclass(frozen=True, kw_only=True)
class LayerPicture:
    """A layer of some frames, multiplied by its alpha, over nothing; a Rendering is one, too."""

    colors: Float[Tensor, "b h w 3"]
    alphas: Float[Tensor, "b h w"]


def over(
    front: Float[Tensor, "b h w c"],
    alphas: Float[Tensor, "b h w"],
    back: Float[Tensor, "*any h w c"],
) -> Float[Tensor, "b h w c"]:
    """`front`, already multiplied by its alpha, composited over `back`."""
    return front + (1 - alphas[..., None]) * back


def dilate(alphas: Float[Tensor, "b h w"], window: int = DILATION) -> Float[Tensor, "b h w"]:
    """The largest alpha in a `window` x `window` square (odd, pixels) around each pixel."""
    rows = F.max_pool2d(alphas[:, None], (1, window), 1, (0, window // 2))
    return F.max_pool2d(rows, (window, 1), 1, (window // 2, 0))[:, 0]


def compose(
    face: LayerPicture | Rendering,
    mouth: LayerPicture | Rendering,
    background: Float[Tensor, "*any h w 3"],
    *,
    dilation: int = 0,
) -> Float[Tensor, "b h w 3"]:
    """The whole frame: mouth over background (torso and backdrop), face over that.

    dilation: pixels of the window that widens the mouth's alpha, so that no torso shows through
    parted lips; 0 for none.
    """
    mouth_alphas = dilate(mouth.alphas, dilation) if dilation else mouth.alphas
    return over(face.colors, face.alphas, over(mouth.colors, mouth_alphas, background))


def composite_uint8(
    face: LayerPicture | Rendering,
    mouth: LayerPicture | Rendering,
    background: UInt8[Tensor, "b h w 3"],
    *,
    dilation: int = 0,
) -> UInt8[Tensor, "b h w 3"]:
    """`compose` over bytes, as bytes rounded to nearest (halves to even). On a CPU in one pass,
    with the same bits. Raises ValueError where shapes differ."""
    whole = background.shape
    for layer in (face, mouth):
        if layer.colors.shape != whole:
            raise ValueError(f"a layer of {tuple(layer.colors.shape)} does not fit {tuple(whole)}")
        if layer.alphas.shape != whole[:3]:
            raise ValueError(f"an alpha of {tuple(layer.alphas.shape)} does not fit {tuple(whole)}")
    if (
        face.colors.device.type == "cpu"
        and face.colors.dtype == mouth.colors.dtype == torch.float32
    ):
        return _composite_fast(face, mouth, background, dilation)
    picture = compose(face, mouth, background.float() / 255, dilation=dilation)
    return picture.mul_(255).round_().clamp_(0, 255).byte()


def _composite_fast(
    face: LayerPicture | Rendering,
    mouth: LayerPicture | Rendering,
    background: UInt8[Tensor, "b h w 3"],
    dilation: int,
) -> UInt8[Tensor, "b h w 3"]:
    numba_threads_like_torch()
    picture = torch.empty_like(background)
    intensities = (torch.arange(256, dtype=torch.float32) / 255).numpy()
    mouth_alphas = dilate(mouth.alphas, dilation) if dilation else mouth.alphas
    layers = (face.colors, face.alphas, mouth.colors, mouth_alphas, background)
    _composite(tuple(layer.detach().numpy() for layer in layers), intensities, picture.numpy())
    return picture


@parallel_njit(error_model="numpy")
def _composite(layers, intensities, picture):
    """One rounding after each product and each sum, as torch does. intensities: of each byte, in
    [0, 1]."""
    face, face_alphas, mouth, mouth_alphas, background = layers
    frames, height, width, _ = picture.shape
    one, most = np.float32(1), np.float32(255)
    for row in prange(frames * height):
        frame, y = row // height, row % height
        for x in range(width):
            past_face, past_mouth = one - face_alphas[frame, y, x], one - mouth_alphas[frame, y, x]
            for channel in range(3):
                inner = (
                    mouth[frame, y, x, channel]
                    + past_mouth * intensities[background[frame, y, x, channel]]
                )
                light = np.rint((face[frame, y, x, channel] + past_face * inner) * most)
                picture[frame, y, x, channel] = np.uint8(min(max(light, np.float32(0)), most))
