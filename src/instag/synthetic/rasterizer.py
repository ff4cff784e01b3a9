"""A z-buffer rasterizer: the nearest triangle at each pixel, and its depth."""

import math

import numba
import numpy as np

from instag.runtime.parallel_kernel import parallel_njit

BANDS = 16
"""Bands of rows, one for each thread at a time."""


@numba.njit(cache=True, fastmath=True)
def _pixels(low, high, least, most):
    """First and last pixel whose middle lies between two places, within bounds."""
    return max(least, math.ceil(low - 0.5)), min(most, math.floor(high - 0.5))


@numba.njit(cache=True, fastmath=True)
def _columns_inside(wb, wc, b_step, c_step, width):
    """First and last column of a row in which no weight of a triangle's corners is negative. wb,
    wc: those of the second and third corner in column 0; they grow by b_step and c_step."""
    start, end = np.float32(0), np.float32(width)
    for weight, step in ((wb, b_step), (wc, c_step), (1 - wb - wc, -b_step - c_step)):
        if step > 0:
            start = max(start, -weight / step)
        elif step < 0:
            end = min(end, -weight / step)
        elif weight < 0:
            end = np.float32(-1)
    return math.ceil(start), math.floor(end)


@numba.njit(cache=True, fastmath=True)
def _fill(screen, triangles, t, first, last, numbers, nearest):
    """Draw one triangle into the rows from `first` to `last`."""
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    ax, bx, cx = screen[a, 0], screen[b, 0], screen[c, 0]
    ay, by, cy = screen[a, 1], screen[b, 1], screen[c, 1]
    az, bz, cz = screen[a, 2], screen[b, 2], screen[c, 2]
    x0, x1 = _pixels(min(ax, bx, cx), max(ax, bx, cx), 0, numbers.shape[1] - 1)
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if abs(area) < 1e-9:
        return
    scale = 1 / area
    b_step, c_step = (cy - ay) * scale, (ay - by) * scale
    z_step = b_step * (bz - az) + c_step * (cz - az)
    for y in range(first, last + 1):
        dy, dx = y + np.float32(0.5) - ay, x0 + np.float32(0.5) - ax
        wb = (dx * (cy - ay) - dy * (cx - ax)) * scale
        wc = (dy * (bx - ax) - dx * (by - ay)) * scale
        start, end = _columns_inside(wb, wc, b_step, c_step, x1 - x0)
        z_start = az + wb * (bz - az) + wc * (cz - az)
        for k in range(start, end + 1):
            z = z_start + k * z_step
            if z > nearest[y, x0 + k]:
                nearest[y, x0 + k] = z
                numbers[y, x0 + k] = t


@parallel_njit(fastmath=True)
def rasterize(points, triangles, focal, center_x, center_y, width, height):
    """Rasterize points [n, 3] in the camera's frame (x right, y down, z forward) and triangles
    [t, 3] int32; focal length and principal point are in pixels.

    Returns triangle numbers [h, w] int32 (-1 where there is none) and inverse depth [h, w] float32
    (0 where there is none).
    """
    count = points.shape[0]
    screen = np.empty((count, 3), np.float32)
    for i in numba.prange(count):
        inverse = 1 / max(points[i, 2], 1e-4)
        screen[i, 0] = points[i, 0] * inverse * focal + center_x
        screen[i, 1] = points[i, 1] * inverse * focal + center_y
        screen[i, 2] = inverse
    numbers = np.full((height, width), -1, np.int32)
    nearest = np.zeros((height, width), np.float32)
    first_row = np.empty(triangles.shape[0], np.int16)
    last_row = np.empty(triangles.shape[0], np.int16)
    for t in numba.prange(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, bx, cx = screen[a, 0], screen[b, 0], screen[c, 0]
        ay, by, cy = screen[a, 1], screen[b, 1], screen[c, 1]
        x0, x1 = _pixels(min(ax, bx, cx), max(ax, bx, cx), 0, width - 1)
        y0, y1 = _pixels(min(ay, by, cy), max(ay, by, cy), 0, height - 1)
        if x0 > x1 or y0 > y1:
            y0, y1 = 1, 0
        first_row[t], last_row[t] = y0, y1
    rows = (height + BANDS - 1) // BANDS
    for band in numba.prange(BANDS):
        first, last = band * rows, min(height, (band + 1) * rows) - 1
        for t in range(triangles.shape[0]):
            y0, y1 = max(first, first_row[t]), min(last, last_row[t])
            if y0 <= y1:
                _fill(screen, triangles, t, y0, y1, numbers, nearest)
    return numbers, nearest


@numba.njit(cache=True, fastmath=True)
def point_normals(points, triangles, count):
    """Unit normals [n, 3] of points, area weighted over the triangles that meet there."""
    normals = np.zeros((count, 3), np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = (
            points[b, 0] - points[a, 0],
            points[b, 1] - points[a, 1],
            points[b, 2] - points[a, 2],
        )
        vx, vy, vz = (
            points[c, 0] - points[a, 0],
            points[c, 1] - points[a, 1],
            points[c, 2] - points[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
    for i in range(count):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        for k in range(3):
            normals[i, k] /= length
    return normals
