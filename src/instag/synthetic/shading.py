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
KEY_COLOR = np.array([2.35, 2.2, 2.0], np.float32)
RIM_COLOR = np.array([0.75, 0.85, 1.0], np.float32)
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


@numba.njit(cache=True, fastmath=True)
def _weights(points, a, b, c, dx, dy):
    """Of the ray (dx, dy, 1) in the plane of a triangle: the three scalar triple products."""
    ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
    bx, by, bz = points[b, 0], points[b, 1], points[b, 2]
    cx, cy, cz = points[c, 0], points[c, 1], points[c, 2]
    wa = dx * (by * cz - bz * cy) + dy * (bz * cx - bx * cz) + (bx * cy - by * cx)
    wb = dx * (cy * az - cz * ay) + dy * (cz * ax - cx * az) + (cx * ay - cy * ax)
    wc = dx * (ay * bz - az * by) + dy * (az * bx - ax * bz) + (ax * by - ay * bx)
    scale = 1 / (wa + wb + wc)
    return wa * scale, wb * scale, wc * scale


@numba.njit(cache=True, fastmath=True)
def _mixed(values, a, b, c, wa, wb, wc, k):
    return wa * values[a, k] + wb * values[b, k] + wc * values[c, k]


@numba.njit(cache=True, fastmath=True)
def _unit(x, y, z, least):
    length = 1 / math.sqrt(x * x + y * y + z * z + least)
    return x * length, y * length, z * length


@numba.njit(cache=True, fastmath=True)
def _in_light(light, k, x, y, z):
    return light[k, 0] * x + light[k, 1] * y + light[k, 2] * z + light[k, 3]


@numba.njit(cache=True, fastmath=True)
def _shade_hair(out, color, normal, half_way, lit, gloss, deep):
    """The colour of a strand into `out`. normal: along it. gloss, deep: its texture's place."""
    nx, ny, nz = normal
    hx, hy, hz = half_way
    along = nx * KEY[0] + ny * KEY[1] + nz * KEY[2]
    half = nx * hx + ny * hy + nz * hz
    rim = nx * RIM[0] + ny * RIM[1] + nz * RIM[2]
    diffuse = math.sqrt(max(1 - along * along, 0))
    shine = math.sqrt(max(1 - half * half, 0))
    wide, sharp = shine**18, shine**90
    back = math.sqrt(max(1 - rim * rim, 0)) ** 3
    for k in range(3):
        light_in = (
            (0.25 + 0.75 * lit) * KEY_COLOR[k] * 0.62 * diffuse
            + 0.5 * SKY[k]
            + 0.35 * RIM_COLOR[k] * back
        )
        gleam = lit * gloss * (0.22 * wide * math.sqrt(color[k]) + 0.045 * sharp) * KEY_COLOR[k]
        out[k] = color[k] * light_in * deep + gleam


@numba.njit(cache=True, fastmath=True)
def _tint(color, texture, u, v):
    """Multiply a colour by what a texture holds."""
    for k in range(3):
        root = _texel(texture, u, v, k)
        color[k] *= root * root


@numba.njit(cache=True, fastmath=True)
def _slope(texture, u, v, step):
    """Of the height that a texture holds."""
    return (
        _texel(texture, u + step, v, 3) - _texel(texture, u - step, v, 3),
        _texel(texture, u, v + step, 3) - _texel(texture, u, v - step, 3),
    )


@numba.njit(cache=True, fastmath=True)
def _shine_and_ambient(material, color, nx, ny, lit, half, edge, rim):
    """The gleam of a material, and the share of the sky's light that reaches it."""
    shine, ambient = np.float32(0), np.float32(1)
    if material in (SKIN, NECK):
        red = color[0]
        shine = (0.05 * half**14 + 0.045 * half**55) * (0.45 + 0.55 * lit) + 0.10 * edge * (
            0.3 + rim
        )
        if color[0] > 2.1 * color[1]:
            shine += 0.05 * half**70 * lit
        shine *= 0.6 + red
    elif material == EYE:
        shine = 1.6 * half**420 + 0.10 * half**40
        ambient = (
            1 - 0.62 * min(max((-ny - 0.02) * 2.2, 0), 1) - 0.25 * min(max(abs(nx) - 0.25, 0), 1)
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
    return shine, ambient


@numba.njit(cache=True, fastmath=True)
def _shade_surface(out, color, material, normal, half_way, lit):
    """The colour of a textured surface into `out`."""
    nx, ny, nz, ex, ey, ez = normal
    hx, hy, hz = half_way
    facing = nx * KEY[0] + ny * KEY[1] + nz * KEY[2]
    rim = max(nx * RIM[0] + ny * RIM[1] + nz * RIM[2], 0)
    half = max(nx * hx + ny * hy + nz * hz, 0)
    edge = (1 - max(nx * ex + ny * ey + nz * ez, 0)) ** 4
    sky = 0.5 - 0.5 * ny
    shine, ambient = _shine_and_ambient(material, color, nx, ny, lit, half, edge, rim)
    for k in range(3):
        wrap = WRAP[k] if material in (SKIN, NECK) else np.float32(0.08)
        direct = min(max((facing + wrap) / (1 + wrap), 0), 1)
        cover = lit + (1 - lit) * wrap * 0.5
        shadowed = direct * cover * (1 if material != EYE else ambient)
        hemisphere = (SKY[k] * sky + GROUND[k] * (1 - sky)) * ambient
        out[k] = (
            color[k] * (KEY_COLOR[k] * 0.62 * shadowed + hemisphere + 0.45 * RIM_COLOR[k] * rim)
            + shine * KEY_COLOR[k]
        )


@parallel_njit(fastmath=True)
def shade(
    numbers,
    points,
    normals,
    uv,
    colors,
    triangles,
    materials,
    shadow,
    light,
    skin,
    eye,
    cloth,
    focal,
    center_x,
    center_y,
    behind,
):
    """Linear colours [h, w, 3] of the triangles in `numbers`, over `behind` [h, w, 3].

    points, normals: the camera's frame, y down. uv: texture places in [0, 1]. colors: linear.
    shadow: the key light's depth map; light: the rows that take a point to its pixel and depth.
    skin, eye, cloth: [h, w, 4] uint8, square root of linear colour and a height.
    """
    height, width = numbers.shape
    picture = behind.copy()
    for row in numba.prange(height):
        color = np.zeros(3, np.float32)
        for column in range(width):
            t = numbers[row, column]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            dx, dy = (column + 0.5 - center_x) / focal, (row + 0.5 - center_y) / focal
            wa, wb, wc = _weights(points, a, b, c, dx, dy)
            px = _mixed(points, a, b, c, wa, wb, wc, 0)
            py = _mixed(points, a, b, c, wa, wb, wc, 1)
            pz = _mixed(points, a, b, c, wa, wb, wc, 2)
            nx, ny, nz = _unit(
                _mixed(normals, a, b, c, wa, wb, wc, 0),
                _mixed(normals, a, b, c, wa, wb, wc, 1),
                _mixed(normals, a, b, c, wa, wb, wc, 2),
                1e-12,
            )
            u = _mixed(uv, a, b, c, wa, wb, wc, 0)
            v = _mixed(uv, a, b, c, wa, wb, wc, 1)
            for k in range(3):
                color[k] = _mixed(colors, a, b, c, wa, wb, wc, k)
            ex, ey, ez = _unit(-px, -py, -pz, 0.0)
            half_way = _unit(KEY[0] + ex, KEY[1] + ey, KEY[2] + ez, 0.0)
            sx, sy = _in_light(light, 0, px, py, pz), _in_light(light, 1, px, py, pz)
            lit = _lit(shadow, sx, sy, _in_light(light, 2, px, py, pz) - np.float32(0.004))
            material = materials[t]
            if material == HAIR:
                _shade_hair(picture[row, column], color, (nx, ny, nz), half_way, lit, u, v)
                continue
            if nx * ex + ny * ey + nz * ez < 0:
                nx, ny, nz = -nx, -ny, -nz
            if material in (SKIN, NECK):
                _tint(color, skin, u, v)
                along_u, along_v = _slope(skin, u, v, np.float32(1 / 1024))
                nx, ny = nx - 0.9 * along_u, ny - 0.9 * along_v
            elif material == EYE:
                _tint(color, eye, u, v)
            elif material == CLOTH:
                _tint(color, cloth, u, v)
                along_u, along_v = _slope(cloth, u, v, np.float32(1 / 512))
                nx, ny = nx - 1.6 * along_u, ny - 1.6 * along_v
            nx, ny, nz = _unit(nx, ny, nz, 0.0)
            normal = (nx, ny, nz, ex, ey, ez)
            _shade_surface(picture[row, column], color, material, normal, half_way, lit)
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


def key_light_rows(center: np.ndarray) -> np.ndarray:
    """Rows [3, 4] that take points of the camera's frame to the shadow map's x, y (pixels) and
    depth along the light (metres)."""
    forward = -KEY.astype(np.float64)
    right = np.cross(forward, (0.0, 1.0, 0.0))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    scale = SHADOW_SIZE / (2 * SHADOW_HALF_EXTENT_M)
    axes = np.stack([right * scale, down * scale, forward])
    offset = -axes @ center + np.array([SHADOW_SIZE / 2, SHADOW_SIZE / 2, 1.0])
    return np.concatenate([axes, offset[:, None]], 1).astype(np.float32)
