"""SSIM in numba: the fast twin of ssim.ssim_map_torch, with all five blurs in one pass over the
pictures."""

import numpy as np
import torch
from jaxtyping import Float
from numba import njit, prange
from torch import Tensor

from instag.ops.simd import COUNT, fill, load, store
from instag.runtime.parallel_kernel import parallel_njit
from instag.runtime.threads import numba_threads_like_torch

_TAPS = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
_TAPS = (_TAPS / _TAPS.sum()).astype(np.float32)
_PARTS = 16
_C1, _C2 = np.float32(0.01**2), np.float32(0.03**2)
_F = np.float32


def ssim_map_fast(
    x: Float[Tensor, "b h w c"], y: Float[Tensor, "b h w c"]
) -> Float[Tensor, "b h w c"]:
    """What ssim.ssim_map_torch computes, for float32 tensors on the CPU whose rows hold at least 16
    numbers. Raises ValueError for others."""
    if x.shape != y.shape or x.shape[2] * x.shape[3] < COUNT:
        raise ValueError(f"pictures of {tuple(x.shape)} and {tuple(y.shape)} cannot be compared")
    return _Ssim.apply(x, y)  # pyright: ignore[reportReturnType]


def _flat(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy().reshape(-1)


class _Ssim(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        numba_threads_like_torch()
        values = torch.empty(x.shape)
        slopes = np.empty((3, x.numel() if ctx.needs_input_grad[0] else 0), np.float32)
        _compare(_flat(x), _flat(y), tuple(x.shape), _flat(values), slopes)
        ctx.save_for_backward(x, y)
        ctx.slopes = slopes
        return values

    @staticmethod
    def backward(ctx, *gradients):
        numba_threads_like_torch()
        x, y = ctx.saved_tensors
        by_x, by_y = None, None
        if ctx.needs_input_grad[0]:
            by_x = torch.empty(x.shape)
            _compare_back(
                _flat(x), _flat(y), tuple(x.shape), _flat(gradients[0]), ctx.slopes, _flat(by_x)
            )
        if ctx.needs_input_grad[1]:
            # SSIM is symmetric: the derivative by y is that by x with the two exchanged.
            by_y, slopes = torch.empty(x.shape), np.empty((3, x.numel()), np.float32)
            _compare(_flat(y), _flat(x), tuple(x.shape), np.empty(x.numel(), np.float32), slopes)
            _compare_back(
                _flat(y), _flat(x), tuple(x.shape), _flat(gradients[0]), slopes, _flat(by_y)
            )
        return by_x, by_y


@parallel_njit(error_model="numpy")
def _compare(x, y, shape, values, slopes):
    """Fill SSIM and, unless `slopes` is empty, its derivatives by the means of x, x x and x y
    around each pixel."""
    frames, height, width, channels = shape
    length, pad = width * channels, 5 * channels
    for part in prange(_PARTS):
        plane = length + 2 * pad
        blurred = np.zeros(5 * plane, np.float32)
        for row in range(frames * height * part // _PARTS, frames * height * (part + 1) // _PARTS):
            _blur_columns(x, y, row, height, length, pad, blurred)
            for block in range((length + COUNT - 1) // COUNT):
                here = min(block * COUNT, length - COUNT)
                moments = _blur_along(blurred, here, plane, channels)
                _write(moments, row * length + here, values, slopes)


# The steps below become a part of the kernel before anything is optimised. Were they functions of
# their own, a kernel from the cache would round otherwise than one that was just compiled.
@njit(inline="always")
def _blur_columns(x, y, row, height, length, pad, blurred):
    """Blur x, y, x x, y y and x y across the rows around one: the five planes of `blurred`."""
    plane = length + 2 * pad
    first, last = max(0, 5 - row % height), min(11, height - row % height + 5)
    for block in range((length + COUNT - 1) // COUNT):
        here = min(block * COUNT, length - COUNT)
        mean_x, mean_y = fill(_F(0)), fill(_F(0))
        square_x, square_y, product = fill(_F(0)), fill(_F(0)), fill(_F(0))
        for tap in range(first, last):
            at = (row + tap - 5) * length + here
            one, two = load(x, at), load(y, at)
            part_x, part_y = fill(_TAPS[tap]) * one, fill(_TAPS[tap]) * two
            mean_x, mean_y = mean_x + part_x, mean_y + part_y
            square_x, square_y = square_x + part_x * one, square_y + part_y * two
            product = product + part_x * two
        at = pad + here
        store(blurred, at, mean_x)
        store(blurred, at + plane, mean_y)
        store(blurred, at + 2 * plane, square_x)
        store(blurred, at + 3 * plane, square_y)
        store(blurred, at + 4 * plane, product)


@njit(inline="always")
def _blur_along(blurred, here, plane, channels):
    """The planes of `blurred`, blurred along the row, for sixteen numbers from `here` on."""
    mean_x, mean_y = fill(_F(0)), fill(_F(0))
    square_x, square_y, product = fill(_F(0)), fill(_F(0)), fill(_F(0))
    for tap in range(11):
        at, weight = here + tap * channels, fill(_TAPS[tap])
        mean_x = mean_x + weight * load(blurred, at)
        mean_y = mean_y + weight * load(blurred, at + plane)
        square_x = square_x + weight * load(blurred, at + 2 * plane)
        square_y = square_y + weight * load(blurred, at + 3 * plane)
        product = product + weight * load(blurred, at + 4 * plane)
    return mean_x, mean_y, square_x, square_y, product


@njit(inline="always")
def _write(moments, at, values, slopes):
    """Write sixteen numbers of SSIM, and their derivatives, from `at` on."""
    mean_x, mean_y, square_x, square_y, product = moments
    means, two = mean_x * mean_y, fill(_F(2))
    bright, alike = two * means + fill(_C1), two * (product - means) + fill(_C2)
    squares = mean_x * mean_x + mean_y * mean_y
    below, spread = squares + fill(_C1), square_x + square_y - squares + fill(_C2)
    scale = fill(_F(1)) / (below * spread)
    value = bright * alike * scale
    store(values, at, value)
    if slopes.shape[1]:
        by_mean = mean_y * (alike - bright) * scale - value * mean_x * (spread - below) * scale
        store(slopes[0], at, two * by_mean)
        store(slopes[1], at, fill(_F(-1)) * value * below * scale)
        store(slopes[2], at, two * bright * scale)


@parallel_njit(error_model="numpy")
def _compare_back(x, y, shape, changes, slopes, by_x):
    """Blur the derivatives back to the pixels of x."""
    frames, height, width, channels = shape
    length, pad = width * channels, 5 * channels
    for part in prange(_PARTS):
        plane = length + 2 * pad
        blurred = np.zeros(3 * plane, np.float32)
        for row in range(frames * height * part // _PARTS, frames * height * (part + 1) // _PARTS):
            first, last = max(0, 5 - row % height), min(11, height - row % height + 5)
            for block in range((length + COUNT - 1) // COUNT):
                here = min(block * COUNT, length - COUNT)
                mean, square, product = fill(_F(0)), fill(_F(0)), fill(_F(0))
                for tap in range(first, last):
                    at = (row + tap - 5) * length + here
                    change = fill(_TAPS[tap]) * load(changes, at)
                    mean = mean + change * load(slopes[0], at)
                    square = square + change * load(slopes[1], at)
                    product = product + change * load(slopes[2], at)
                store(blurred, pad + here, mean)
                store(blurred, pad + plane + here, square)
                store(blurred, pad + 2 * plane + here, product)
            for block in range((length + COUNT - 1) // COUNT):
                here = min(block * COUNT, length - COUNT)
                mean, square, product = fill(_F(0)), fill(_F(0)), fill(_F(0))
                for tap in range(11):
                    at, weight = here + tap * channels, fill(_TAPS[tap])
                    mean = mean + weight * load(blurred, at)
                    square = square + weight * load(blurred, at + plane)
                    product = product + weight * load(blurred, at + 2 * plane)
                at = row * length + here
                store(by_x, at, mean + fill(_F(2)) * load(x, at) * square + load(y, at) * product)
