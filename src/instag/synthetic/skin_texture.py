"""The texture of a synthetic figure's skin."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.synthetic.face_points import (
    BROW_INNER,
    EYE_LOWER,
    EYE_UPPER,
    LOWER_INNER,
    LOWER_OUTER,
    UPPER_INNER,
    UPPER_OUTER,
)
from instag.synthetic.looks import Looks
from instag.synthetic.parts import skin_uv
from instag.synthetic.texture import noise, packed

SIZE = 1024
_CM = SIZE / 32
"""Texels of the skin's texture in a centimetre."""


def _mask(polygon: np.ndarray, soft_cm: float) -> np.ndarray:
    """A filled polygon [p, 2] (texels), blurred by `soft_cm`."""
    canvas = np.zeros((SIZE, SIZE), np.float32)
    cv2.fillPoly(canvas, [np.round(polygon * 16).astype(np.int32)], (1.0,), cv2.LINE_AA, 4)
    return cv2.GaussianBlur(canvas, (0, 0), soft_cm * _CM) if soft_cm else canvas


def _strokes(lines: list[np.ndarray], width: int, soft: float) -> np.ndarray:
    """Polylines [p, 2] (texels) of a width, blurred by `soft` texels."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    for line in lines:
        cv2.polylines(
            canvas, [np.round(line * 16).astype(np.int32)], False, (255,), width, cv2.LINE_AA, 4
        )
    field = canvas.astype(np.float32) / 255
    return cv2.GaussianBlur(field, (0, 0), soft) if soft else field


def skin_texture(looks: Looks, points: Float[np.ndarray, "m 3"]) -> UInt8[np.ndarray, "s s 4"]:
    """Skin with mottling, blush, freckles, pores, lips, brows, lid creases, lash lines and stubble.
    points: the face at rest."""
    random = np.random.default_rng(looks.seed + 31)
    place = skin_uv(points) * SIZE
    color = _complexion(looks, random, place)
    color *= _freckles(looks, random, place)[..., None] ** np.array([0.55, 1.0, 1.1], np.float32)
    for side in (98, 327):
        nostril = 0.5 * (place[side] + place[2]) + (0, -0.13 * _CM)
        color *= 1 - 0.80 * _spot(nostril, 0.34, 0.17)[..., None]
    height = _pores(random)
    if looks.stubble:
        color *= _stubble(looks, random, place)
    color, height = _draw_lips(looks, random, place, color, height)
    color = _draw_eye_regions(place, color)
    color = _draw_brows(looks, random, place, color)
    return packed(color, height)


def _spot(center: np.ndarray, radius_u: float, radius_v: float) -> np.ndarray:
    """A soft elliptic spot of height 1 on the skin's texture. center: texels; radii: cm."""
    columns, rows = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
    return np.exp(
        -(((columns - center[0]) / (radius_u * _CM)) ** 2)
        - ((rows - center[1]) / (radius_v * _CM)) ** 2
    ).astype(np.float32)


def _complexion(looks: Looks, random: np.random.Generator, place: np.ndarray) -> np.ndarray:
    """Linear colours [s, s, 3] of the bare skin: mottled, red on cheeks and nose, darker under the
    eyes and beside the nose. place: the face's points in texels."""
    color = np.ones((SIZE, SIZE, 3), np.float32) * np.array(looks.skin, np.float32)
    mottle = (
        0.030 * noise(random, SIZE, 45)
        + 0.026 * noise(random, SIZE, 15)
        + 0.024 * noise(random, SIZE, 5)
    )
    color *= (1 + mottle)[..., None] * np.array([1, 1, 1], np.float32)
    redness = 0.035 * noise(random, SIZE, 60) + 0.02 * noise(random, SIZE, 10)
    blush = (
        0.9 * _spot(place[50], 1.8, 1.4)
        + 0.9 * _spot(place[280], 1.8, 1.4)
        + 0.9 * _spot(place[4], 1.0, 0.9)
        + 0.4 * _spot(place[152], 1.5, 1.0)
    )
    color *= 1 + (redness + 0.16 * blush)[..., None] * np.array([0.35, -0.75, -0.75], np.float32)
    pale = 0.5 * _spot(place[151], 3.0, 1.6)
    color *= (1 + 0.05 * pale)[..., None]
    for lower_lid in (145, 374):
        shadow = _spot(place[lower_lid] + (0, 0.55 * _CM), 1.5, 0.55)
        color *= 1 - shadow[..., None] * np.array([0.12, 0.20, 0.14], np.float32)
    beside_nose = _spot(place[129], 0.4, 0.8) + _spot(place[358], 0.4, 0.8)
    color *= 1 - beside_nose[..., None] * np.array([0.12, 0.24, 0.26], np.float32)
    return color


def _pores(random: np.random.Generator) -> np.ndarray:
    """Heights [s, s] of the skin's relief, around 0.5."""
    return (
        0.5
        + 0.030 * noise(random, SIZE, 3)
        + 0.022 * noise(random, SIZE, 7)
        + 0.02 * noise(random, SIZE, 22)
    )


def _stubble(looks: Looks, random: np.random.Generator, place: np.ndarray) -> np.ndarray:
    """Factors [s, s, 3] by which stubble darkens the skin."""
    beard = _beard_region(place)
    grain = np.clip(0.62 + 0.28 * noise(random, SIZE, 2.2), 0.2, 1.15)
    return 1 - (0.55 * looks.stubble * beard * grain)[..., None] * (
        1 - 0.55 * np.array(looks.hair, np.float32)
    ) * np.array([0.95, 0.85, 0.75], np.float32)


def _freckles(looks: Looks, random: np.random.Generator, place: np.ndarray) -> np.ndarray:
    """Factors [s, s] of freckles and a few moles, 1 between them."""
    canvas = np.ones((SIZE, SIZE), np.float32)
    for _ in range(int(520 * looks.freckles)):
        middle = place[random.choice([4, 50, 280, 6, 117, 346, 151, 118, 347])]
        u, v = middle + random.normal(0, 1.9, 2) * _CM * (1.0, 0.6)
        cv2.circle(
            canvas,
            (int(u * 16), int(v * 16)),
            int(16 * random.uniform(0.6, 1.7)),
            (float(random.uniform(0.62, 0.90)),),
            -1,
            cv2.LINE_AA,
            4,
        )
    for _ in range(7):
        u, v = random.uniform((0.30, 0.2), (0.70, 0.72)) * SIZE
        cv2.circle(
            canvas,
            (int(u * 16), int(v * 16)),
            int(16 * random.uniform(1.4, 2.8)),
            (0.28,),
            -1,
            cv2.LINE_AA,
            4,
        )
    return cv2.GaussianBlur(canvas, (0, 0), 0.9)


def _beard_region(place: np.ndarray) -> np.ndarray:
    """The share [s, s] of skin that is covered by a beard."""
    jaw = place[
        [132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361]
    ] + (0, 2.4 * _CM)
    top = place[[323, 411, 426, 391, 2, 165, 206, 187, 93]]
    return _mask(np.concatenate([jaw, top]), 0.45)


def _draw_lips(
    looks: Looks,
    random: np.random.Generator,
    place: np.ndarray,
    color: np.ndarray,
    height: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Colours and heights with the red of the lips, their creases and the dark seam between
    them."""
    ring = np.concatenate([place[UPPER_OUTER], place[LOWER_OUTER[::-1]]])
    red = _mask(ring, 0.085)
    creases = cv2.GaussianBlur(
        random.standard_normal((SIZE, SIZE)).astype(np.float32), (0, 0), 1.1, sigmaY=7.0
    )
    creases /= creases.std()
    blotch = 1 + 0.05 * noise(random, SIZE, 12) + 0.07 * creases
    seam = _strokes([place[UPPER_INNER] * 0.5 + place[LOWER_INNER] * 0.5], 3, 2.0)
    lips = (
        np.array(looks.lips, np.float32)
        * blotch[..., None]
        * (1 - 0.65 * np.clip(seam * 1.6, 0, 1))[..., None]
    )
    border = np.clip(_mask(ring, 0.16) * (1 - red) * 2.2, 0, 1)
    color = color * (1 - 0.06 * border[..., None])
    return color * (1 - 0.92 * red[..., None]) + 0.92 * red[
        ..., None
    ] * lips, height + red * 0.055 * creases


def _draw_eye_regions(place: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Colours with creases of the lids, lash lines and the pink inner corners."""
    dark = np.array([0.45, 0.62, 0.60], np.float32)
    for upper, lower in zip(EYE_UPPER, EYE_LOWER, strict=True):
        lift = (
            np.array([0, -0.46 * _CM]) * np.sin(np.linspace(0.5, np.pi - 0.25, len(upper)))[:, None]
        )
        crease = _strokes([place[upper] + lift], 2, 2.2)
        line = _strokes([place[upper]], 4, 1.6) + 0.45 * _strokes([place[lower]], 3, 1.4)
        lid = _mask(np.concatenate([place[upper] + 1.6 * lift, place[upper][::-1]]), 0.10)
        color = (
            color
            * (1 - np.clip(crease * 1.2, 0, 0.55)[..., None] * dark)
            * (1 - 0.14 * lid[..., None] * dark)
        )
        color = color * (1 - np.clip(line, 0, 1)[..., None] * (0.55 + 0.3 * dark))
        inner = place[upper[-1]]
        pink = _mask(
            inner + np.array([[-0.14, -0.1], [0.14, -0.1], [0.14, 0.1], [-0.14, 0.1]]) * _CM, 0.05
        )
        color = color * (1 - 0.5 * pink[..., None]) + 0.5 * pink[..., None] * np.array(
            [0.55, 0.24, 0.20], np.float32
        )
    return color


def _draw_brows(
    looks: Looks, random: np.random.Generator, place: np.ndarray, color: np.ndarray
) -> np.ndarray:
    """Colours with brows of single hairs."""
    upper_edges, lower_edges = (
        ([107, 66, 105, 63, 70], [336, 296, 334, 293, 300]),
        ([55, 65, 52, 53, 46], [285, 295, 282, 283, 276]),
    )
    assert set(BROW_INNER[0]) & set(upper_edges[0])
    hairs = []
    for top, bottom in zip(upper_edges, lower_edges, strict=True):
        outward = np.sign(place[top[-1], 0] - place[top[0], 0])
        for _ in range(int(300 * looks.brow_weight)):
            along, across = random.uniform(-0.05, 4.15), random.beta(2, 2)
            thin = np.interp(along, [0, 0.6, 2.4, 4.1], [0.75, 1.0, 0.85, 0.25]) * (
                0.70 + 0.25 * looks.brow_weight
            )
            upper = np.array([np.interp(along, np.arange(5), place[top][:, k]) for k in (0, 1)])
            lower = np.array([np.interp(along, np.arange(5), place[bottom][:, k]) for k in (0, 1)])
            start = (upper + lower) / 2 + (across - 0.5) * thin * (lower - upper) * 1.0
            rise = (
                np.interp(along, [0, 0.7, 2.2, 4], [-1.5, -0.75, -0.15, 0.35])
                + (across - 0.5) * -0.9
                + random.normal(0, 0.18)
            )
            length = random.uniform(0.35, 0.62) * _CM
            direction = np.array([outward, rise]) / np.hypot(1, rise)
            bend = np.array([outward * 0.25, 0.25])
            hairs.append(
                np.stack(
                    [
                        start,
                        start + direction * length * 0.55,
                        start + (direction + 0.4 * bend) * length,
                    ]
                )
            )
    density = 0.8 * _strokes(hairs, 1, 0.6) + 0.38 * np.clip(_strokes(hairs, 2, 5.0) * 1.2, 0, 1)
    density = np.clip(density, 0, 0.93)[..., None]
    return color * (1 - density) + density * (0.55 * np.array(looks.hair, np.float32) + 0.004)
