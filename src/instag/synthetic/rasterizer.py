"""A z-buffer: which triangle each pixel sees, and how far away it is."""

import numba
import numpy as np

BANDS = 16


@numba.njit(parallel=True, cache=True, fastmath=True)
def rasterize(points, triangles, focal, centre_x, centre_y, width, height):
    """Points [n, 3] in the camera's frame (x right, y down, z forward), triangles [t, 3] int32, focal length and principal
    point in pixels. Returns triangle numbers [h, w] int32 (-1: none) and inverse depth [h, w] float32 (0: none)."""
    count = points.shape[0]
    screen = np.empty((count, 3), np.float32)
    for i in numba.prange(count):
        inverse = 1 / max(points[i, 2], 1e-4)
        screen[i, 0] = points[i, 0] * inverse * focal + centre_x
        screen[i, 1] = points[i, 1] * inverse * focal + centre_y
        screen[i, 2] = inverse
    numbers = np.full((height, width), -1, np.int32)
    nearest = np.zeros((height, width), np.float32)
    rows = (height + BANDS - 1) // BANDS
    for band in numba.prange(BANDS):
        first, last = band * rows, min(height, (band + 1) * rows) - 1
        for t in range(triangles.shape[0]):
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            ay, by, cy = screen[a, 1], screen[b, 1], screen[c, 1]
            top, bottom = min(ay, by, cy), max(ay, by, cy)
            if bottom < first or top > last + 1:
                continue
            ax, bx, cx = screen[a, 0], screen[b, 0], screen[c, 0]
            x0, x1 = max(0, int(np.ceil(min(ax, bx, cx) - 0.5))), min(width - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
            y0, y1 = max(first, int(np.ceil(top - 0.5))), min(last, int(np.floor(bottom - 0.5)))
            if x0 > x1 or y0 > y1:
                continue
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            if abs(area) < 1e-9:
                continue
            scale = 1 / area
            az, bz, cz = screen[a, 2], screen[b, 2], screen[c, 2]
            for y in range(y0, y1 + 1):
                py = y + np.float32(0.5)
                for x in range(x0, x1 + 1):
                    px = x + np.float32(0.5)
                    wb = ((px - ax) * (cy - ay) - (py - ay) * (cx - ax)) * scale
                    wc = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) * scale
                    wa = 1 - wb - wc
                    if wa < 0 or wb < 0 or wc < 0:
                        continue
                    z = wa * az + wb * bz + wc * cz
                    if z > nearest[y, x]:
                        nearest[y, x] = z
                        numbers[y, x] = t
    return numbers, nearest


@numba.njit(cache=True, fastmath=True)
def point_normals(points, triangles, count):
    """Unit normals [n, 3] of points, area weighted over the triangles that meet there."""
    normals = np.zeros((count, 3), np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
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
