"""The fast twin of `targets.head_pictures`: the rendered head and the one that was seen, over a
colour, in one pass over the pixels on a CPU."""

import numpy as np
import torch
from jaxtyping import Float
from numba import prange
from torch import Tensor

from instag.data.frame_batch import FrameBatch
from instag.runtime.parallel_kernel import parallel_njit
from instag.runtime.threads import numba_threads_like_torch

_F = np.float32


def head_pictures_fast(
    frames: FrameBatch,
    rgb: Float[Tensor, "b h w 3"],
    alphas: Float[Tensor, "b h w"],
    color: Float[Tensor, "b 1 1 3"],
) -> tuple[Float[Tensor, "b h w 3"], Float[Tensor, "b h w 3"]]:
    """For float32 tensors on a CPU, with hair; bit for bit the same. Gradients reach `rgb` and
    `alphas`. Raises ValueError where shapes disagree."""
    shape = tuple(frames.image.shape)
    seen = tuple(frames.background.shape) == shape and tuple(frames.alpha.shape) == shape[:3]
    if not seen or tuple(rgb.shape) != shape or tuple(alphas.shape) != shape[:3]:
        raise ValueError(f"what was rendered, {tuple(rgb.shape)}, is not of the frames, {shape}")
    return _HeadPictures.apply(  # pyright: ignore[reportReturnType]
        rgb, alphas, frames.image, frames.background, frames.alpha, color
    )


def _pictures(values: Tensor) -> np.ndarray:
    return values.detach().contiguous().numpy()


class _HeadPictures(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rgb, alphas, image, background, alpha, color):
        numba_threads_like_torch()
        picture, target = torch.empty(rgb.shape), torch.empty(rgb.shape)
        ctx.colors = _pictures(color.expand(len(rgb), 1, 1, 3)).reshape(-1, 3)
        ctx.mark_non_differentiable(target)
        _compose(
            _pictures(rgb),
            _pictures(alphas),
            _pictures(image),
            _pictures(background),
            _pictures(alpha),
            ctx.colors,
            picture.numpy(),
            target.numpy(),
        )
        return picture, target

    @staticmethod
    def backward(ctx, *gradients):
        numba_threads_like_torch()
        by_picture = gradients[0].contiguous()
        by_alphas = torch.empty(by_picture.shape[:3])
        _behind(_pictures(by_picture), ctx.colors, by_alphas.numpy())
        return by_picture, by_alphas, None, None, None, None


@parallel_njit()
def _compose(
    rgb, alphas, image, background, alpha, colors, picture, target
):  # pragma: no cover (compiled)
    count, height, width, _ = rgb.shape
    for row in prange(count * height):
        frame, y = row // height, row % height
        for x in range(width):
            share = _F(alpha[frame, y, x]) / _F(255)
            rest, through = _F(1) - share, _F(1) - alphas[frame, y, x]
            for channel in range(3):
                color = colors[frame, channel]
                behind = rest * (_F(background[frame, y, x, channel]) / _F(255))
                own = _F(image[frame, y, x, channel]) / _F(255) - behind
                own = min(max(own, _F(0)), share)
                target[frame, y, x, channel] = own + rest * color
                picture[frame, y, x, channel] = rgb[frame, y, x, channel] + through * color


@parallel_njit()
def _behind(by_picture, colors, by_alphas):  # pragma: no cover (compiled)
    """An alpha takes from the colour behind it."""
    count, height, width, _ = by_picture.shape
    for row in prange(count * height):
        frame, y = row // height, row % height
        for x in range(width):
            total = _F(0)
            for channel in range(3):
                total -= by_picture[frame, y, x, channel] * colors[frame, channel]
            by_alphas[frame, y, x] = total
