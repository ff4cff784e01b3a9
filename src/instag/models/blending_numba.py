"""Blending in numba: motion shapes times coefficients, added to the raw Gaussians and activated, in
one pass (the fast twin of MotionShapes.motion and Gaussians.splats)."""

import math

import numpy as np
import torch
from jaxtyping import Float, Int8
from numba import njit, prange
from torch import Tensor

from instag.ops.simd import COUNT, fill, load, load_bytes, power_of_two, store
from instag.runtime.parallel_kernel import parallel_njit
from instag.runtime.threads import numba_threads_like_torch
from instag.runtime.untrusted import Shape, check_shape

CHANNELS = 10
"""Those of a Deformation."""
BLOCK = 512
"""Gaussians whose raw values lie in a core's nearest cache at once; a multiple of simd.COUNT."""
_LOG2_E = 1.4426950408889634
_SMALL = 0.02
"""Up to which four terms of log(1 + x) have float32's precision."""


def blend(
    shapes: Int8[Tensor, "r 10 p"],
    factors: Float[Tensor, "b r 10"],
    raw: Float[Tensor, "10 p"],
    moving: int,
    means: Float[Tensor, "b n 3"],
    quats: Float[Tensor, "b n 4"],
    scales: Float[Tensor, "b n 3"],
) -> None:
    """Fill the first `moving` of `means`, `quats` (unit) and `scales` (activated). raw: centres,
    rotation and scale, with the mean of the motion. Raises ValueError where shapes contradict, or
    where p is no multiple of simd.COUNT, to which both are padded, or less than `moving`."""
    padded = shapes.shape[-1]
    if padded % COUNT or not 0 <= moving <= min(padded, means.shape[-2]):
        raise ValueError(f"{padded} places do not hold {moving} Gaussians in whole vectors")
    _check_shapes(
        shapes=(shapes, (None, CHANNELS, padded)),
        factors=(factors, (len(means), len(shapes), CHANNELS)),
        raw=(raw, (CHANNELS, padded)),
        means=(means, (*means.shape[:2], 3)),
        quats=(quats, (*means.shape[:2], 4)),
        scales=(scales, (*means.shape[:2], 3)),
    )
    numba_threads_like_torch()
    _blend(
        shapes.contiguous().numpy().reshape(-1),
        raw.contiguous().numpy().reshape(-1),
        padded,
        moving,
        *(each.numpy() for each in (factors, means, quats, scales)),
    )


def shade(
    plain: Float[Tensor, "n 3"],
    slopes: Float[Tensor, "n 3 3"],
    means: Float[Tensor, "b n 3"],
    centers: Float[Tensor, "b 3"],
) -> Float[Tensor, "b n 3"]:
    """Colours of spherical harmonics of degree 1: `plain` plus `slopes` (of x, y, z) along the unit
    direction from the camera's centre, at least 0. Raises ValueError where shapes contradict."""
    frames, count = means.shape[:2]
    _check_shapes(
        plain=(plain, (count, 3)),
        slopes=(slopes, (count, 3, 3)),
        means=(means, (frames, count, 3)),
        centers=(centers, (frames, 3)),
    )
    numba_threads_like_torch()
    colors = torch.empty_like(means)
    _shade(plain.numpy(), slopes.numpy(), means.numpy(), centers.numpy(), colors.numpy())
    return colors


def _check_shapes(**wanted: tuple[Tensor, Shape]) -> None:
    """The kernels index each table by the shape of the others. Raises ValueError."""
    for name, (tensor, shape) in wanted.items():
        check_shape(name, tuple(tensor.shape), shape)


@parallel_njit(error_model="numpy")
def _blend(shapes, raw, padded, moving, factors, means, quats, scales):
    frames, number, channels = factors.shape
    for block in prange((moving + BLOCK - 1) // BLOCK):
        start, end = block * BLOCK, min(moving, (block + 1) * BLOCK)
        whole = min(padded - start, BLOCK)
        sums = np.zeros(frames * channels * BLOCK, np.float32)
        for channel in range(channels):
            for frame in range(frames):
                at = (frame * channels + channel) * BLOCK
                for place in range(0, whole, COUNT):
                    store(sums, at + place, load(raw, channel * padded + start + place))
            for shape in range(number):
                of_shape = (shape * channels + channel) * padded + start
                for frame in range(frames):
                    at = (frame * channels + channel) * BLOCK
                    factor = fill(factors[frame, shape, channel])
                    for place in range(0, whole, COUNT):
                        added = load_bytes(shapes, of_shape + place) * factor
                        store(sums, at + place, load(sums, at + place) + added)
        for frame in range(frames):
            size = channels * BLOCK
            of_frame = sums[frame * size : (frame + 1) * size].reshape(channels, BLOCK)
            for place in range(end - start):
                for axis in range(3):
                    means[frame, start + place, axis] = of_frame[axis, place]
            _activate(of_frame, quats[frame, start:end], scales[frame, start:end])


@njit(cache=True, error_model="numpy")
def _activate(sums, quats, scales):
    """Unit quaternions, and softplus of the scales."""
    for place in range(len(quats)):
        w, x, y, z = sums[3, place], sums[4, place], sums[5, place], sums[6, place]
        shorter = np.float32(1) / max(
            np.float32(math.sqrt(w * w + x * x + y * y + z * z)), np.float32(1e-12)
        )
        quats[place, 0], quats[place, 1] = w * shorter, x * shorter
        quats[place, 2], quats[place, 3] = y * shorter, z * shorter
    powers = np.empty(BLOCK, np.float32)
    for axis in range(3):
        exponents = sums[7 + axis]
        for place in range(0, BLOCK, COUNT):
            bounded = load(exponents, place) * fill(np.float32(_LOG2_E))
            store(powers, place, power_of_two(bounded))
        for place in range(len(scales)):
            power = powers[place]
            if exponents[place] > np.float32(20):  # beyond 87 a power has no meaning
                scales[place, axis] = exponents[place]
            elif power < np.float32(_SMALL):
                rest = np.float32(1 / 3) - power * np.float32(0.25)
                rest = np.float32(0.5) - power * rest
                scales[place, axis] = power * (np.float32(1) - power * rest)
            else:
                scales[place, axis] = math.log1p(power)


@parallel_njit(error_model="numpy")
def _shade(plain, slopes, means, centers, colors):
    frames, count, _ = means.shape
    for block in prange((count + BLOCK - 1) // BLOCK):
        for frame in range(frames):
            from_x, from_y, from_z = centers[frame]
            for place in range(block * BLOCK, min(count, (block + 1) * BLOCK)):
                x, y, z = means[frame, place]
                x, y, z = x - from_x, y - from_y, z - from_z
                nearer = np.float32(1) / max(
                    np.float32(math.sqrt(x * x + y * y + z * z)), np.float32(1e-12)
                )
                x, y, z = x * nearer, y * nearer, z * nearer
                for channel in range(3):
                    value = (
                        plain[place, channel]
                        + x * slopes[place, 0, channel]
                        + y * slopes[place, 1, channel]
                        + z * slopes[place, 2, channel]
                    )
                    colors[frame, place, channel] = max(value, np.float32(0))
