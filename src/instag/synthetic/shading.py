"""Shading: linear colours of the visible triangles of a synthetic figure.

Skin has wrapped diffuse light, hair follows Kajiya and Kay (1989), the rest Blinn and Phong. A key
light with a shadow map, a rim light and a sky light the figure.
"""

import math
from enum import IntEnum

import numba
import numpy as np

from instag.runtime.parallel_kernel import parallel_njit


class Material(IntEnum):
    """What a triangle is made of."""

    SKIN = 0
    LINING = 1
    EYE = 2
    TOOTH = 3
    TONGUE = 4
    HAIR = 5
    CLOTH = 6
    LASH = 7
    NECK = 8


SKIN, LINING, EYE, TOOTH, TONGUE, HAIR, CLOTH, _, NECK = map(int, Material)
"""As compiled code compares them."""
KEY = np.array([-0.46, -0.56, -0.69], np.float32) / np.float32(np.linalg.norm([0.46, 0.56, 0.69]))
RIM = np.array([0.78, -0.35, 0.52], np.float32) / np.float32(np.linalg.norm([0.78, 0.35, 0.52]))
KEY_COLOUR = np.array([2.35, 2.2, 2.0], np.float32)
RIM_COLOUR = np.array([0.75, 0.85, 1.0], np.float32)
SKY = np.array([0.50, 0.54, 0.60], np.float32)
GROUND = np.array([0.24, 0.19, 0.165], np.float32)
WRAP = np.array([0.34, 0.16, 0.09], np.float32)
SHADOW_SIZE, SHADOW_HALF_EXTENT_M = 384, 0.30
"""The shadow map: pixels along a side, and half its extent."""


@numba.njit(cache=True, fastmath=True)
def _texel(texture, u, v, channel):
    height, width = texture.shape[0], texture.shape[1]
    x, y = u * width - 0.5, v * height - 0.5
    x0, y0 = math.floor(x), math.floor(y)
    fx, fy = x - x0, y - y0
    x1, y1 = min(max(int(x0) + 1, 0), width - 1), min(max(int(y0) + 1, 0), height - 1)
    x0, y0 = min(max(int(x0), 0), width - 1), min(max(int(y0), 0), height - 1)
    top = texture[y0, x0, channel] * (1 - fx) + texture[y0, x1, channel] * fx
    low = texture[y1, x0, channel] * (1 - fx) + texture[y1, x1, channel] * fx
    return (top * (1 - fy) + low * fy) * np.float32(1 / 255)


@numba.njit(cache=True, fastmath=True)
def _lit(shadow, x, y, depth):
    """The share of the key light that reaches a point of the shadow map: mean over 3 x 3 texels."""
    size = shadow.shape[0]
    total = np.float32(0)
    for j in range(-1, 2):
        for i in range(-1, 2):
            px, py = int(x) + i, int(y) + j
            if px < 0 or py < 0 or px >= size or py >= size:
                total += 1
                continue
            gap = depth - shadow[py, px]
            total += min(max(1 - gap * np.float32(160), 0), 1)
    return total / 9


@parallel_njit(fastmath=True)
def shade(
    numbers,
    points,
    normals,
    uv,
    colours,
    triangles,
    materials,
    shadow,
    light,
    skin,
    eye,
    cloth,
    focal,
    centre_x,
    centre_y,
    behind,
):
    """Linear colours [h, w, 3] of the triangles in `numbers`, over `behind` [h, w, 3].

    points, normals: the camera's frame, y down. uv: texture places in [0, 1]. colours: linear.
    shadow: the key light's depth map; light: the rows that take a point to its pixel and depth.
    skin, eye, cloth: [h, w, 4] uint8, square root of linear colour and a height.
    """
    height, width = numbers.shape
    picture = behind.copy()
    for row in numba.prange(height):
        colour = np.zeros(3, np.float32)
        for column in range(width):
            t = numbers[row, column]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            dx, dy = (column + 0.5 - centre_x) / focal, (row + 0.5 - centre_y) / focal
            # Weights of the ray (dx, dy, 1) in the triangle's plane: the three scalar triple
            # products.
            ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
            bx, by, bz = points[b, 0], points[b, 1], points[b, 2]
            cx, cy, cz = points[c, 0], points[c, 1], points[c, 2]
            wa = dx * (by * cz - bz * cy) + dy * (bz * cx - bx * cz) + (bx * cy - by * cx)
            wb = dx * (cy * az - cz * ay) + dy * (cz * ax - cx * az) + (cx * ay - cy * ax)
            wc = dx * (ay * bz - az * by) + dy * (az * bx - ax * bz) + (ax * by - ay * bx)
            scale = 1 / (wa + wb + wc)
            wa, wb, wc = wa * scale, wb * scale, wc * scale
            px, py, pz = (
                wa * ax + wb * bx + wc * cx,
                wa * ay + wb * by + wc * cy,
                wa * az + wb * bz + wc * cz,
            )
            nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
            ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
            nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
            u = wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]
            v = wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]
            for k in range(3):
                colour[k] = wa * colours[a, k] + wb * colours[b, k] + wc * colours[c, k]
            length = 1 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
            nx, ny, nz = nx * length, ny * length, nz * length
            length = 1 / math.sqrt(px * px + py * py + pz * pz)
            ex, ey, ez = -px * length, -py * length, -pz * length
            material = materials[t]

            sx = light[0, 0] * px + light[0, 1] * py + light[0, 2] * pz + light[0, 3]
            sy = light[1, 0] * px + light[1, 1] * py + light[1, 2] * pz + light[1, 3]
            sz = light[2, 0] * px + light[2, 1] * py + light[2, 2] * pz + light[2, 3]
            lit = _lit(shadow, sx, sy, sz - np.float32(0.004))
            hx, hy, hz = KEY[0] + ex, KEY[1] + ey, KEY[2] + ez
            length = 1 / math.sqrt(hx * hx + hy * hy + hz * hz)
            hx, hy, hz = hx * length, hy * length, hz * length

            if material == HAIR:
                along = nx * KEY[0] + ny * KEY[1] + nz * KEY[2]
                half = nx * hx + ny * hy + nz * hz
                rim = nx * RIM[0] + ny * RIM[1] + nz * RIM[2]
                diffuse = math.sqrt(max(1 - along * along, 0))
                shine = math.sqrt(max(1 - half * half, 0))
                wide, sharp = shine**18, shine**90
                back = math.sqrt(max(1 - rim * rim, 0)) ** 3
                for k in range(3):
                    light_in = (
                        (0.25 + 0.75 * lit) * KEY_COLOUR[k] * 0.62 * diffuse
                        + 0.5 * SKY[k]
                        + 0.35 * RIM_COLOUR[k] * back
                    )
                    gleam = (
                        lit
                        * u
                        * (0.22 * wide * math.sqrt(colour[k]) + 0.045 * sharp)
                        * KEY_COLOUR[k]
                    )
                    picture[row, column, k] = colour[k] * light_in * v + gleam
                continue

            if nx * ex + ny * ey + nz * ez < 0:
                nx, ny, nz = -nx, -ny, -nz
            bump_u, bump_v = np.float32(0), np.float32(0)
            is_skin = material in (SKIN, NECK)
            if is_skin:
                for k in range(3):
                    root = _texel(skin, u, v, k)
                    colour[k] *= root * root
                step = np.float32(1 / 1024)
                bump_u = _texel(skin, u + step, v, 3) - _texel(skin, u - step, v, 3)
                bump_v = _texel(skin, u, v + step, 3) - _texel(skin, u, v - step, 3)
                nx, ny = nx - 0.9 * bump_u, ny - 0.9 * bump_v
            elif material == EYE:
                for k in range(3):
                    root = _texel(eye, u, v, k)
                    colour[k] *= root * root
            elif material == CLOTH:
                for k in range(3):
                    root = _texel(cloth, u, v, k)
                    colour[k] *= root * root
                step = np.float32(1 / 512)
                nx -= 1.6 * (_texel(cloth, u + step, v, 3) - _texel(cloth, u - step, v, 3))
                ny -= 1.6 * (_texel(cloth, u, v + step, 3) - _texel(cloth, u, v - step, 3))
            length = 1 / math.sqrt(nx * nx + ny * ny + nz * nz)
            nx, ny, nz = nx * length, ny * length, nz * length
            facing = nx * KEY[0] + ny * KEY[1] + nz * KEY[2]
            rim = max(nx * RIM[0] + ny * RIM[1] + nz * RIM[2], 0)
            half = max(nx * hx + ny * hy + nz * hz, 0)
            edge = (1 - max(nx * ex + ny * ey + nz * ez, 0)) ** 4
            sky = 0.5 - 0.5 * ny
            ambient, shine = np.float32(1), np.float32(0)
            if is_skin:
                red = colour[0]
                shine = (0.05 * half**14 + 0.045 * half**55) * (0.45 + 0.55 * lit) + 0.10 * edge * (
                    0.3 + rim
                )
                if colour[0] > 2.1 * colour[1]:
                    shine += 0.05 * half**70 * lit
                shine *= 0.6 + red
            elif material == EYE:
                shine = 1.6 * half**420 + 0.10 * half**40
                ambient = (
                    1
                    - 0.62 * min(max((-ny - 0.02) * 2.2, 0), 1)
                    - 0.25 * min(max(abs(nx) - 0.25, 0), 1)
                )
            elif material == TOOTH:
                shine = 0.25 * half**60 * lit
                ambient = 0.7
            elif material == TONGUE:
                shine = 0.12 * half**30 * lit
                ambient = 0.75
            elif material == LINING:
                ambient = 0.6
            elif material == CLOTH:
                shine = 0.05 * edge
            for k in range(3):
                wrap = WRAP[k] if is_skin else np.float32(0.08)
                direct = min(max((facing + wrap) / (1 + wrap), 0), 1)
                cover = lit + (1 - lit) * wrap * 0.5
                shadowed = direct * cover * (1 if material != EYE else ambient)
                hemisphere = (SKY[k] * sky + GROUND[k] * (1 - sky)) * ambient
                picture[row, column, k] = (
                    colour[k]
                    * (KEY_COLOUR[k] * 0.62 * shadowed + hemisphere + 0.45 * RIM_COLOUR[k] * rim)
                    + shine * KEY_COLOUR[k]
                )
    return picture


@parallel_njit(fastmath=True)
def depth_from_light(points, triangles, light, size):
    """The key light's depth map [size, size], metres: an orthographic projection by the rows of
    `light`; 1e3 where it is empty."""
    shadow = np.full((size, size), np.float32(1e3))
    rows = (size + 7) // 8
    place = np.empty((points.shape[0], 3), np.float32)
    for i in numba.prange(points.shape[0]):
        for k in range(3):
            place[i, k] = (
                light[k, 0] * points[i, 0]
                + light[k, 1] * points[i, 1]
                + light[k, 2] * points[i, 2]
                + light[k, 3]
            )
    for band in numba.prange(8):
        first, last = band * rows, min(size, (band + 1) * rows) - 1
        for t in range(triangles.shape[0]):
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            ay, by, cy = place[a, 1], place[b, 1], place[c, 1]
            if max(ay, by, cy) < first or min(ay, by, cy) > last + 1:
                continue
            ax, bx, cx = place[a, 0], place[b, 0], place[c, 0]
            x0, x1 = (
                max(0, int(np.ceil(min(ax, bx, cx) - 0.5))),
                min(size - 1, int(np.floor(max(ax, bx, cx) - 0.5))),
            )
            y0, y1 = (
                max(first, int(np.ceil(min(ay, by, cy) - 0.5))),
                min(last, int(np.floor(max(ay, by, cy) - 0.5))),
            )
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            if x0 > x1 or y0 > y1 or abs(area) < 1e-9:
                continue
            for y in range(y0, y1 + 1):
                for x in range(x0, x1 + 1):
                    wb = ((x + 0.5 - ax) * (cy - ay) - (y + 0.5 - ay) * (cx - ax)) / area
                    wc = ((bx - ax) * (y + 0.5 - ay) - (by - ay) * (x + 0.5 - ax)) / area
                    wa = 1 - wb - wc
                    if wa >= 0 and wb >= 0 and wc >= 0:
                        depth = wa * place[a, 2] + wb * place[b, 2] + wc * place[c, 2]
                        if depth < shadow[y, x]:
                            shadow[y, x] = depth
    return shadow


def key_light_rows(centre: np.ndarray) -> np.ndarray:
    """Rows [3, 4] that take points of the camera's frame to the shadow map's x, y (pixels) and
    depth along the light (metres)."""
    forward = -KEY.astype(np.float64)
    right = np.cross(forward, (0.0, 1.0, 0.0))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    scale = SHADOW_SIZE / (2 * SHADOW_HALF_EXTENT_M)
    axes = np.stack([right * scale, down * scale, forward])
    offset = -axes @ centre + np.array([SHADOW_SIZE / 2, SHADOW_SIZE / 2, 1.0])
    return np.concatenate([axes, offset[:, None]], 1).astype(np.float32)
