"""The tri-plane's grids read in numba: the fast twin of triplane.read_planes."""

import numpy as np
import torch
from jaxtyping import Float
from numba import njit, prange
from torch import Tensor

from instag.runtime.parallel_kernel import parallel_njit
from instag.runtime.threads import numba_threads_like_torch

_PARTS = 4
"""Into how many parts the points are cut for the cores; fixed, so that sums do not depend on the
number of cores."""


def read_planes_fast(
    entries: Float[Tensor, " e"], units: Float[Tensor, "n 3"], scales: list[float], sizes: list[int]
) -> Float[Tensor, "n f"]:
    """What triplane.read_planes computes, for float32 tensors on the CPU. Differentiable in entries
    and units; units outside [0, 1] are clamped. Raises ValueError where entries, sizes and scales
    contradict."""
    _check_grids(entries, units, scales, sizes)
    tables = np.array(scales, np.float32), np.array(sizes, np.int64)
    return _Read.apply(entries, units, *tables)  # pyright: ignore[reportReturnType]


def _check_grids(entries: Tensor, units: Tensor, scales: list[float], sizes: list[int]) -> None:
    """The kernels index the entries by sizes and scales. Raises ValueError."""
    if entries.shape != (3 * sum(size * size for size in sizes),) or len(scales) != len(sizes):
        raise ValueError(f"{len(entries)} entries are not those of grids of {sizes}")
    if units.ndim != 2 or units.shape[1] != 3:
        raise ValueError(f"points of {tuple(units.shape)} are not in space")
    for scale, size in zip(scales, sizes, strict=True):
        if not 0 <= np.float32(scale) + np.float32(0.5) < size - 1:
            raise ValueError(f"a scale of {scale} reaches beyond a grid of {size}")


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(ctx, entries, units, scales, sizes):
        numba_threads_like_torch()
        features = units.new_empty(len(units), 3 * len(scales))
        _read(
            entries.detach().numpy(),
            units.detach().contiguous().numpy(),
            scales,
            sizes,
            features.numpy(),
        )
        ctx.save_for_backward(entries, units)
        ctx.grids = scales, sizes
        return features

    @staticmethod
    def backward(ctx, *gradients):
        numba_threads_like_torch()
        entries, units = ctx.saved_tensors
        sums = np.zeros((_PARTS, len(entries)), np.float32)
        by_units = torch.zeros_like(units, memory_format=torch.contiguous_format)
        changes = gradients[0].contiguous().numpy()
        scales, sizes = ctx.grids
        _read_back(
            entries.detach().numpy(),
            units.detach().contiguous().numpy(),
            changes,
            scales,
            sizes,
            ctx.needs_input_grad[1],
            sums,
            by_units.numpy(),
        )
        return torch.from_numpy(sums.sum(0)), by_units, None, None


@njit(cache=True, error_model="numpy")
def _place(unit, scale):
    """A unit in a level's grid; one that is outside [0, 1] or no number would be read beyond it."""
    if not unit > np.float32(0):
        unit = np.float32(0)
    if unit > np.float32(1):
        unit = np.float32(1)
    return unit * scale + np.float32(0.5)


@parallel_njit(error_model="numpy")
def _read(entries, units, scales, sizes, features):
    levels, count = len(scales), len(units)
    plane = len(entries) // 3
    for part in prange(_PARTS):
        for point in range(count * part // _PARTS, count * (part + 1) // _PARTS):
            start = 0
            for level in range(levels):
                size, scale = sizes[level], scales[level]
                x, y, z = (
                    _place(units[point, 0], scale),
                    _place(units[point, 1], scale),
                    _place(units[point, 2], scale),
                )
                left, top, front = int(x), int(y), int(z)
                x, y, z = x - np.float32(left), y - np.float32(top), z - np.float32(front)
                features[point, level] = _mix(entries, start + left + top * size, size, x, y)
                features[point, levels + level] = _mix(
                    entries, plane + start + top + front * size, size, y, z
                )
                features[point, 2 * levels + level] = _mix(
                    entries, 2 * plane + start + left + front * size, size, x, z
                )
                start += size * size


@njit(cache=True, error_model="numpy")
def _mix(entries, at, size, x, y):
    """Linear interpolation between an entry and its three neighbours."""
    low = entries[at] + x * (entries[at + 1] - entries[at])
    high = entries[at + size] + x * (entries[at + size + 1] - entries[at + size])
    return low + y * (high - low)


@njit(cache=True, error_model="numpy")
def _spread(sums, at, size, x, y, change):
    """The derivative of `_mix` by its four entries."""
    high = y * change
    low = change - high
    sums[at + 1] += x * low
    sums[at] += low - x * low
    sums[at + size + 1] += x * high
    sums[at + size] += high - x * high


@njit(cache=True, error_model="numpy")
def _slopes(entries, at, size, x, y, change):
    """The derivative of `_mix` by x and y."""
    low, high = entries[at + 1] - entries[at], entries[at + size + 1] - entries[at + size]
    return change * (low + y * (high - low)), change * (
        entries[at + size] + x * high - entries[at] - x * low
    )


@parallel_njit(error_model="numpy")
def _read_back(entries, units, changes, scales, sizes, with_units, sums, by_units):
    """Derivatives by the entries (a sum for each part) and, where asked for, by the positions."""
    levels, count = len(scales), len(units)
    plane = len(entries) // 3
    for part in prange(_PARTS):
        own = sums[part]
        for point in range(count * part // _PARTS, count * (part + 1) // _PARTS):
            start = 0
            for level in range(levels):
                size, scale = sizes[level], scales[level]
                x, y, z = (
                    _place(units[point, 0], scale),
                    _place(units[point, 1], scale),
                    _place(units[point, 2], scale),
                )
                left, top, front = int(x), int(y), int(z)
                x, y, z = x - np.float32(left), y - np.float32(top), z - np.float32(front)
                first, second, third = (
                    start + left + top * size,
                    plane + start + top + front * size,
                    2 * plane + start + left + front * size,
                )
                one, two, three = (
                    changes[point, level],
                    changes[point, levels + level],
                    changes[point, 2 * levels + level],
                )
                _spread(own, first, size, x, y, one)
                _spread(own, second, size, y, z, two)
                _spread(own, third, size, x, z, three)
                if with_units:
                    one_x, one_y = _slopes(entries, first, size, x, y, one)
                    two_y, two_z = _slopes(entries, second, size, y, z, two)
                    three_x, three_z = _slopes(entries, third, size, x, z, three)
                    by_units[point, 0] += scale * (one_x + three_x)
                    by_units[point, 1] += scale * (one_y + two_y)
                    by_units[point, 2] += scale * (two_z + three_z)
                start += size * size
