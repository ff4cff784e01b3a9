"""The mean absolute error of pictures: on a CPU in one pass over them, where torch makes five."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from numba import prange
from torch import Tensor

from instag.runtime.parallel_kernel import parallel_njit
from instag.runtime.threads import numba_threads_like_torch


def mean_absolute_error(
    picture: Float[Tensor, "b h w c"],
    target: Float[Tensor, "b h w c"],
    mask: Bool[Tensor, "b h w"] | None = None,
) -> Float[Tensor, ""]:
    """Of all pixels, or of those of a mask; 0 where that is empty. No gradient reaches `target`
    where pictures are float32 on a CPU."""
    if picture.device.type == "cpu" and picture.dtype == target.dtype == torch.float32:
        return _MeanAbsoluteError.apply(picture, target, mask)  # pyright: ignore[reportReturnType]
    return mean_absolute_error_torch(picture, target, mask)


def mean_absolute_error_torch(
    picture: Float[Tensor, "b h w c"],
    target: Float[Tensor, "b h w c"],
    mask: Bool[Tensor, "b h w"] | None = None,
) -> Float[Tensor, ""]:
    """The same in plain torch, on any device."""
    error = (picture - target).abs()
    if mask is None:
        return error.mean()
    return (error.mean(-1) * mask).sum() / mask.sum().clamp_min(1)


def _rows(pictures: Tensor) -> np.ndarray:
    """Rows of pixels."""
    return pictures.detach().contiguous().numpy().reshape(-1, *pictures.shape[2:])


class _MeanAbsoluteError(torch.autograd.Function):
    @staticmethod
    def forward(ctx, picture, target, mask):
        numba_threads_like_torch()
        inside = np.empty((0, 0), np.bool_) if mask is None else _rows(mask)
        sums, counts = _row_sums(_rows(picture), _rows(target), inside)
        count = max(1, int(counts.sum())) * picture.shape[-1]
        ctx.save_for_backward(picture, target)
        ctx.inside, ctx.count = inside, count
        return torch.tensor(sums.sum() / count, dtype=torch.float32)

    @staticmethod
    def backward(ctx, *gradients):
        numba_threads_like_torch()
        picture, target = ctx.saved_tensors
        by_picture = torch.empty(picture.shape)
        slope = np.float32(float(gradients[0]) / ctx.count)
        _write_slopes(_rows(picture), _rows(target), ctx.inside, slope, _rows(by_picture))
        return by_picture, None, None


@parallel_njit()
def _row_sums(picture, target, inside):  # pragma: no cover (compiled)
    """Sum of the errors of each row, and how many pixels count."""
    height, width, channels = picture.shape
    sums, counts = np.zeros(height), np.zeros(height, np.int64)
    every = inside.shape[0] == 0
    for y in prange(height):
        total, count = 0.0, 0
        for x in range(width):
            if every or inside[y, x]:
                count += 1
                for channel in range(channels):
                    total += abs(picture[y, x, channel] - target[y, x, channel])
        sums[y], counts[y] = total, count
    return sums, counts


@parallel_njit()
def _write_slopes(picture, target, inside, slope, by_picture):  # pragma: no cover (compiled)
    height, width, channels = picture.shape
    every = inside.shape[0] == 0
    for y in prange(height):
        for x in range(width):
            counts = every or inside[y, x]
            for channel in range(channels):
                error = picture[y, x, channel] - target[y, x, channel]
                value = np.float32(0.0)
                if counts and error > 0:
                    value = slope
                elif counts and error < 0:
                    value = -slope
                by_picture[y, x, channel] = value
