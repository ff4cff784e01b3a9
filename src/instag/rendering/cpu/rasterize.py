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
from instag.rendering.projection import FINISH_UNDER, LARGEST_ALPHA, SKIP_UNDER

ROW = WIDTH + simd.COUNT
_AHEAD = 8
"""Splats from asking for a record to reading it: they lie anywhere in memory."""
_CHECK = 32
"""Splats between two checks of which columns of pixels are finished."""

_COLUMNS = WIDTH // simd.COUNT
_LOG2_E = 1.4426950408889634

RECORD = 12
"""Floats of a splat's record, by the names that follow."""
_X, _Y = range(2)
"""The centre, pixels, where a pixel's own centre is a whole number."""
_DX_DX, _DX_DY, _DY_DY = range(2, 5)
"""Factors of the exponent of alpha, base 2."""
_LOG2_OPACITY = 5
_HALF_WIDTH, _HALF_HEIGHT = 6, 7
"""Of the box outside which the splat is skipped, and a hundredth of a pixel."""
_TOP_DX, _SLOPE, _PER_WIDTH_2, _CENTER_HEIGHT = range(8, 12)
"""The splat's outline: dx of its highest point, its slope xy / yy, 1 / half width^2 and its half
height in the centre's column."""

GEOMETRY = 6
"""Derivatives of a pair before those by its channels: x, y, conic xx, xy, yy, opacity."""

_F = np.float32


@njit(cache=True, error_model="numpy")
def record(mean2d, conic, opacity, extent, out):
    """Fill a splat's RECORD."""
    xx, xy, yy = np.float64(conic[0]), np.float64(conic[1]), np.float64(conic[2])
    wide, high = np.float64(extent[0]), np.float64(extent[1])
    out[_X], out[_Y] = mean2d[0] - _F(0.5), mean2d[1] - _F(0.5)
    out[_DX_DX], out[_DX_DY], out[_DY_DY] = -0.5 * _LOG2_E * xx, -_LOG2_E * xy, -0.5 * _LOG2_E * yy
    out[_LOG2_OPACITY] = math.log2(opacity)
    out[_HALF_WIDTH], out[_HALF_HEIGHT] = wide + 0.01, high + 0.01
    out[_TOP_DX], out[_SLOPE], out[_PER_WIDTH_2] = -xy / xx * high, -xy / yy, 1 / (wide * wide)
    out[_CENTER_HEIGHT] = high * math.sqrt(max(0.0, 1 - xy * xy / (xx * yy)))


@njit(cache=True, error_model="numpy")
def _rows(shape, left, top):
    """The tile's rows, from first to before last, in which a splat's outline meets the sixteen
    columns from `left` on."""
    near, far = left - shape[_X], left + _F(simd.COUNT - 1) - shape[_X]
    y, high = shape[_Y] - top, shape[_CENTER_HEIGHT]
    lowest = min(max(shape[_TOP_DX], near), far)
    highest = min(max(-shape[_TOP_DX], near), far)
    below = (
        y
        + shape[_SLOPE] * lowest
        + high * math.sqrt(max(_F(0), _F(1) - lowest * lowest * shape[_PER_WIDTH_2]))
        + _F(0.02)
    )
    above = (
        y
        + shape[_SLOPE] * highest
        - high * math.sqrt(max(_F(0), _F(1) - highest * highest * shape[_PER_WIDTH_2]))
        - _F(0.02)
    )
    return max(0, int(np.ceil(max(above, y - shape[_HALF_HEIGHT])))), min(
        HEIGHT - 1, int(np.floor(min(below, y + shape[_HALF_HEIGHT])))
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


@njit(cache=True)
def _unfinished(columns, column):
    """Whether any of the sixteen columns from `column` on has unfinished pixels."""
    return (
        columns[column // simd.COUNT]
        or columns[min(_COLUMNS - 1, (column + simd.COUNT - 1) // simd.COUNT)]
    )


@njit(cache=True)
def _exponent(shape, column, x):
    """For sixteen columns: dx, the exponent where dy is 0, and its factor of dy."""
    dx = ramp() + fill(_F(column) - x)
    flat = fill(shape[_LOG2_OPACITY]) + fill(shape[_DX_DX]) * dx * dx
    return dx, flat, fill(shape[_DX_DY]) * dx


@njit(cache=True, error_model="numpy")
def _step(transmittance, alpha):
    """A splat's weight and the transmittance after it, given that before it; a negative one marks a
    finished pixel."""
    after = transmittance - transmittance * alpha
    goes_on = after > fill(_F(FINISH_UNDER))
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
        x, y = shape[_X] - _F(left), shape[_Y] - _F(top)
        last = min(WIDTH - 1, int(np.floor(x + shape[_HALF_WIDTH])))
        for column in range(max(0, int(np.ceil(x - shape[_HALF_WIDTH]))), last + 1, simd.COUNT):
            if not _unfinished(columns, column):
                continue
            first_row, last_row = _rows(shape, _F(left + column), _F(top))
            _, flat, slope = _exponent(shape, column, x)
            for row in range(first_row, last_row):
                dy = _F(row) - y
                at = row * deep + column
                alpha = _alphas(slope * fill(dy) + (flat + fill(shape[_DY_DY] * dy * dy)))
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
    """Write each pair's derivatives to its slot in `pairs`: GEOMETRY, then channels.

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
        splat = members[rank]
        _splat_backward(
            records[splat],
            features[splat],
            moving,
            left,
            top,
            tile,
            columns,
            weights,
            pairs[slots[rank]],
        )


@njit(cache=True, error_model="numpy")
def _splat_backward(shape, feature, moving, left, top, tile, columns, weights, pair):
    """Fill the derivatives of one splat in a tile; see `rasterize_tile_backward`."""
    x, y = shape[_X] - _F(left), shape[_Y] - _F(top)
    last = min(WIDTH - 1, int(np.floor(x + shape[_HALF_WIDTH])))
    by_exponent, by_x, by_y, by_xx, by_xy, by_yy = _F(0), _F(0), _F(0), _F(0), _F(0), _F(0)
    for column in range(max(0, int(np.ceil(x - shape[_HALF_WIDTH]))), last + 1, simd.COUNT):
        if not _unfinished(columns, column):
            continue
        rows = _rows(shape, _F(left + column), _F(top))
        dx, sums, sums_y, sums_yy = _strip_backward(
            shape, feature, moving, column, rows, x, y, tile, weights
        )
        by_exponent, by_y, by_yy = (
            by_exponent + total(sums),
            by_y + total(sums_y),
            by_yy + total(sums_yy),
        )
        by_x, by_xx, by_xy = (
            by_x + total(sums * dx),
            by_xx + total(sums * dx * dx),
            by_xy + total(sums_y * dx),
        )
        _channels_backward(column, rows, tile, weights, pair)
    # The record's factors are those of a base-2 exponent: -2 / log2(e) and -1 / log2(e) turn them
    # back into the conic.
    xx, xy, yy = (
        shape[_DX_DX] * _F(-2 / _LOG2_E),
        shape[_DX_DY] * _F(-1 / _LOG2_E),
        shape[_DY_DY] * _F(-2 / _LOG2_E),
    )
    pair[0], pair[1] = xx * by_x + xy * by_y, xy * by_x + yy * by_y
    pair[2], pair[3], pair[4] = _F(-0.5) * by_xx, -by_xy, _F(-0.5) * by_yy
    pair[5] = by_exponent * _F(2.0 ** -shape[_LOG2_OPACITY])


@njit(cache=True, error_model="numpy")
def _strip_backward(shape, feature, moving, column, rows, x, y, tile, weights):
    """Go back through one splat in sixteen columns and some rows: take it from what the tile holds
    and keep its `weights`. Returns dx, and the sums over rows of the exponent's derivative, of that
    times dy, and times dy^2."""
    dx, flat, slope = _exponent(shape, column, x)
    deep = (3 + len(feature)) * ROW
    sums, sums_y, sums_yy = fill(_F(0)), fill(_F(0)), fill(_F(0))
    for row in range(rows[0], rows[1]):
        dy = _F(row) - y
        at = row * deep + column
        alpha = _alphas(slope * fill(dy) + (flat + fill(shape[_DY_DY] * dy * dy)))
        weight, after = _step(load(tile, at), alpha)
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
    return dx, sums, sums_y, sums_yy


@njit(cache=True, error_model="numpy")
def _channels_backward(column, rows, tile, weights, pair):
    """Add the derivatives of one splat's channels in sixteen columns and some rows."""
    channels = len(pair) - GEOMETRY
    deep = (3 + channels) * ROW
    for channel in range(channels):
        sums = fill(_F(0))
        for row in range(rows[0], rows[1]):
            sums = sums + load(weights, row * simd.COUNT) * load(
                tile, row * deep + (3 + channel) * ROW + column
            )
        pair[GEOMETRY + channel] += total(sums)
