"""The rasterization of one tile, and its derivative: sixteen pixels of a row at a time
(ops/simd.py).

Both iterate over the tile's splats front to back. The derivative needs the colour behind a splat:
the pixel's final value minus the sum so far. Nothing but the picture is therefore kept between the
two passes.
"""

import math

import numpy as np
from numba import njit

from instag.ops import simd
from instag.ops.simd import (
    any_over,
    fill,
    load,
    power_of_two,
    prefetch,
    ramp,
    select,
    smaller,
    store,
    total,
)
from instag.rendering.cpu.tiles import HEIGHT, WIDTH
from instag.rendering.projection import LARGEST_ALPHA, SKIP_UNDER

ROW = WIDTH + simd.COUNT
_AHEAD = 8
"""Splats from asking for a record to reading it: they lie anywhere in memory."""
_CHECK = 32
"""Splats between two checks of which columns of pixels are finished."""

_COLUMNS = WIDTH // simd.COUNT
_LOG2_E = 1.4426950408889634

RECORD = 12
"""Floats of a splat's record: x, y, the exponent's factors of dx^2, dx dy, dy^2 (base 2), log2 of
the opacity, half width, half height, and for its outline: dx of the highest point, xy/yy slope, 1 /
half width^2, half height at the centre's column."""

_F = np.float32


@njit(cache=True, error_model="numpy")
def record(mean2d, conic, opacity, extent, out):
    """Fill a splat's RECORD."""
    xx, xy, yy = np.float64(conic[0]), np.float64(conic[1]), np.float64(conic[2])
    wide, high = np.float64(extent[0]), np.float64(extent[1])
    out[0], out[1] = mean2d[0] - _F(0.5), mean2d[1] - _F(0.5)
    out[2], out[3], out[4] = -0.5 * _LOG2_E * xx, -_LOG2_E * xy, -0.5 * _LOG2_E * yy
    out[5] = math.log2(opacity)
    out[6], out[7] = wide + 0.01, high + 0.01
    out[8], out[9], out[10] = -xy / xx * high, -xy / yy, 1 / (wide * wide)
    out[11] = high * math.sqrt(max(0.0, 1 - xy * xy / (xx * yy)))


@njit(cache=True, error_model="numpy")
def _rows(shape, left, top):
    """The tile's rows, from first to before last, in which a splat's outline meets the sixteen
    columns from `left` on."""
    near, far = left - shape[0], left + _F(simd.COUNT - 1) - shape[0]
    y = shape[1] - top
    lowest = min(max(shape[8], near), far)
    highest = min(max(-shape[8], near), far)
    below = (
        y
        + shape[9] * lowest
        + shape[11] * math.sqrt(max(_F(0), _F(1) - lowest * lowest * shape[10]))
        + _F(0.02)
    )
    above = (
        y
        + shape[9] * highest
        - shape[11] * math.sqrt(max(_F(0), _F(1) - highest * highest * shape[10]))
        - _F(0.02)
    )
    return max(0, int(np.ceil(max(above, y - shape[7])))), min(
        HEIGHT - 1, int(np.floor(min(below, y + shape[7])))
    ) + 1


@njit(cache=True)
def _start(tile, deep, left, top, width, height):
    """Set each pixel's transmittance to 1, outside the picture to -1."""
    inside = min(WIDTH, width - left)
    for y in range(HEIGHT):
        for x in range(0, ROW, simd.COUNT):
            store(
                tile,
                y * deep + x,
                select(
                    ramp() < fill(_F(inside - x if top + y < height else 0)),
                    fill(_F(1)),
                    fill(_F(-1)),
                ),
            )


@njit(cache=True)
def _open(tile, deep, columns):
    """Mark which sixteen columns of the tile have unfinished pixels. Returns whether any has."""
    some = False
    for column in range(_COLUMNS):
        columns[column] = False
        for y in range(HEIGHT):
            if any_over(load(tile, y * deep + column * simd.COUNT), fill(_F(0))):
                columns[column] = True
                some = True
                break
    return some


@njit(cache=True, error_model="numpy")
def _step(transmittance, alpha):
    """A splat's weight and the transmittance after it, given that before it; a negative one marks a
    finished pixel."""
    after = transmittance - transmittance * alpha
    goes_on = after > fill(_F(1e-4))
    return select(goes_on, transmittance * alpha, fill(_F(0))), select(
        goes_on, after, smaller(transmittance, fill(_F(0)) - transmittance)
    )


@njit(cache=True, error_model="numpy")
def _alphas(exponent):
    """Alpha from its base-2 logarithm: at most LARGEST_ALPHA, and 0 under 1/255."""
    alpha = smaller(power_of_two(exponent), fill(_F(LARGEST_ALPHA)))
    return select(alpha >= fill(_F(SKIP_UNDER)), alpha, fill(_F(0)))


@njit(cache=True)
def _fetch(members, rank, records, features):
    """Let a splat that is needed soon come from memory."""
    if rank < len(members):
        prefetch(records, members[rank])
        prefetch(features, members[rank])


@njit(cache=True)
def tile_corner(number, width, height):
    """The frame of the tile with this number, and its top and left in pictures of this size."""
    columns, rows = -(-width // WIDTH), -(-height // HEIGHT)
    frame, place = number // (rows * columns), number % (rows * columns)
    return frame, place // columns * HEIGHT, place % columns * WIDTH


@njit(cache=True, error_model="numpy")
def draw_tile(number, starts, members, records, features, width, height, tile, columns):
    """`rasterize_tile` for the tile with this number. Returns whether there are splats in it; else
    nothing was computed."""
    some = members[starts[number] : starts[number + 1]]
    if len(some):
        _, top, left = tile_corner(number, width, height)
        rasterize_tile(some, records, features, left, top, width, height, tile, columns)
    return len(some) > 0


@njit(cache=True, error_model="numpy")
def rasterize_tile(members, records, features, left, top, width, height, tile, columns):
    """Rasterize a tile: its first plane becomes the transmittance after all splats (negative where
    a pixel was finished), the others the channels.

    members: splats, front to back. tile: scratch of 1 + channels planes, whose rows alternate in
    memory. columns: scratch.
    """
    channels = features.shape[1]
    deep = (1 + channels) * ROW
    tile[: HEIGHT * deep] = 0
    _start(tile, deep, left, top, width, height)
    _open(tile, deep, columns)
    for rank in range(len(members)):
        if rank % _CHECK == _CHECK - 1 and not _open(tile, deep, columns):
            break
        _fetch(members, rank + _AHEAD, records, features)
        shape, feature = records[members[rank]], features[members[rank]]
        x, y = shape[0] - _F(left), shape[1] - _F(top)
        last = min(WIDTH - 1, int(np.floor(x + shape[6])))
        for column in range(max(0, int(np.ceil(x - shape[6]))), last + 1, simd.COUNT):
            if not (
                columns[column // simd.COUNT]
                or columns[min(_COLUMNS - 1, (column + simd.COUNT - 1) // simd.COUNT)]
            ):
                continue
            first_row, last_row = _rows(shape, _F(left + column), _F(top))
            dx = ramp() + fill(_F(column) - x)
            flat, slope = fill(shape[5]) + fill(shape[2]) * dx * dx, fill(shape[3]) * dx
            for row in range(first_row, last_row):
                dy = _F(row) - y
                at = row * deep + column
                alpha = _alphas(slope * fill(dy) + (flat + fill(shape[4] * dy * dy)))
                weight, transmittance = _step(load(tile, at), alpha)
                store(tile, at, transmittance)
                for channel in range(channels):
                    at += ROW
                    store(tile, at, load(tile, at) + weight * fill(feature[channel]))


@njit(cache=True, error_model="numpy")
def rasterize_tile_backward(
    members,
    slots,
    records,
    features,
    moving,
    left,
    top,
    width,
    height,
    tile,
    columns,
    weights,
    pairs,
):
    """Write each pair's derivatives to its slot in `pairs`: x, y, conic xx, xy, yy, opacity,
    channels.

    tile: scratch of 3 + channels planes; on entry the second holds the derivative times the value
    summed over moving channels and alpha, the third the derivative by alpha, the others those by
    the channels. moving: how many channels, the first ones, move geometry.
    """
    channels = features.shape[1]
    deep = (3 + channels) * ROW
    _start(tile, deep, left, top, width, height)
    _open(tile, deep, columns)
    for rank in range(len(members)):
        if rank % _CHECK == _CHECK - 1 and not _open(tile, deep, columns):
            break
        _fetch(members, rank + _AHEAD, records, features)
        if rank + _AHEAD < len(slots):
            prefetch(pairs, slots[rank + _AHEAD])
        shape, feature, pair = records[members[rank]], features[members[rank]], pairs[slots[rank]]
        x, y = shape[0] - _F(left), shape[1] - _F(top)
        last = min(WIDTH - 1, int(np.floor(x + shape[6])))
        one, by_x, by_y, by_xx, by_xy, by_yy = _F(0), _F(0), _F(0), _F(0), _F(0), _F(0)
        for column in range(max(0, int(np.ceil(x - shape[6]))), last + 1, simd.COUNT):
            if not (
                columns[column // simd.COUNT]
                or columns[min(_COLUMNS - 1, (column + simd.COUNT - 1) // simd.COUNT)]
            ):
                continue
            first_row, last_row = _rows(shape, _F(left + column), _F(top))
            dx = ramp() + fill(_F(column) - x)
            flat, slope = fill(shape[5]) + fill(shape[2]) * dx * dx, fill(shape[3]) * dx
            sums, sums_y, sums_yy = fill(_F(0)), fill(_F(0)), fill(_F(0))
            for row in range(first_row, last_row):
                dy = _F(row) - y
                at = row * deep + column
                alpha = _alphas(slope * fill(dy) + (flat + fill(shape[4] * dy * dy)))
                transmittance = load(tile, at)
                weight, after = _step(transmittance, alpha)
                value, there = load(tile, at + 2 * ROW), at + 3 * ROW
                for channel in range(moving):
                    value = value + load(tile, there) * fill(feature[channel])
                    there += ROW
                behind = load(tile, at + ROW) - weight * value
                store(tile, at, after)
                store(tile, at + ROW, behind)
                store(weights, row * simd.COUNT, weight)
                change = weight * value - behind * alpha / (fill(_F(1)) - alpha)
                change = select(
                    weight > fill(_F(0)),
                    select(alpha < fill(_F(LARGEST_ALPHA)), change, fill(_F(0))),
                    fill(_F(0)),
                )
                sums = sums + change
                sums_y = sums_y + change * fill(dy)
                sums_yy = sums_yy + change * fill(dy * dy)
            one, by_y, by_yy = one + total(sums), by_y + total(sums_y), by_yy + total(sums_yy)
            by_x, by_xx, by_xy = (
                by_x + total(sums * dx),
                by_xx + total(sums * dx * dx),
                by_xy + total(sums_y * dx),
            )
            for channel in range(channels):
                sums = fill(_F(0))
                for row in range(first_row, last_row):
                    sums = sums + load(weights, row * simd.COUNT) * load(
                        tile, row * deep + (3 + channel) * ROW + column
                    )
                pair[6 + channel] += total(sums)
        # The record's factors are those of a base-2 exponent: -2 / log2(e) and -1 / log2(e) turn
        # them back into the conic.
        xx, xy, yy = (
            shape[2] * _F(-2 / _LOG2_E),
            shape[3] * _F(-1 / _LOG2_E),
            shape[4] * _F(-2 / _LOG2_E),
        )
        pair[0], pair[1] = xx * by_x + xy * by_y, xy * by_x + yy * by_y
        pair[2], pair[3], pair[4] = _F(-0.5) * by_xx, -by_xy, _F(-0.5) * by_yy
        pair[5] = one * _F(2.0 ** -shape[5])
