"""The wall behind a synthetic figure."""

import cv2
import numpy as np
from jaxtyping import Float

from instag.synthetic.looks import Looks

_WALL_SIZE = 256
"""Pixels along a side of the wall before it is resized."""


def backdrop(looks: Looks, size: int) -> Float[np.ndarray, "size size 3"]:
    """A wall out of focus, in linear light: a gradient, the glow of a lamp, shelves, a plant."""
    random = np.random.default_rng(looks.seed + 61)
    columns, rows = np.meshgrid(np.linspace(0, 1, _WALL_SIZE), np.linspace(0, 1, _WALL_SIZE))
    lamp = random.uniform(0.08, 0.25) if looks.seed % 2 else random.uniform(0.75, 0.92)
    wall = np.array(looks.wall)
    canvas = np.ascontiguousarray(
        wall * (0.62 + 0.40 * (1 - rows) + 0.25 * columns)[..., None], dtype=np.float64
    )
    shelves_left = 0.62 if lamp < 0.5 else 0.0
    for height in (0.30, 0.56, 0.82):
        _draw_shelf(canvas, random, wall, shelves_left, height)
    _draw_plant(canvas, random, 0.12 if shelves_left > 0.3 else 0.88)
    glow = np.exp(-(((columns - lamp) / 0.22) ** 2) - ((rows - 0.22) / 0.26) ** 2)
    soft = cv2.GaussianBlur(canvas, (0, 0), _WALL_SIZE * 0.011) + glow[..., None] * np.array(
        [0.55, 0.42, 0.26]
    )
    return cv2.resize(
        np.clip(soft, 0, 2).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )


def _draw_shelf(
    canvas: np.ndarray, random: np.random.Generator, wall: np.ndarray, left: float, height: float
) -> None:
    """Draw a board and the books on it. left, height: of the board, as shares of the canvas."""
    start = left + random.uniform(0, 0.06)
    while start < left + 0.34:
        thick, tall = random.uniform(0.015, 0.04), random.uniform(0.10, 0.19)
        shade = wall * random.uniform(0.25, 1.3) * (1 + 0.45 * random.standard_normal(3))
        _draw_box(canvas, start, height - tall, start + thick, height, np.clip(shade, 0.02, 0.8))
        start += thick + (0.05 if random.random() < 0.15 else 0.003)
    _draw_box(canvas, left - 0.02, height, left + 0.40, height + 0.02, wall * 0.35)


def _draw_box(
    canvas: np.ndarray, left: float, top: float, right: float, bottom: float, color: np.ndarray
) -> None:
    cv2.rectangle(
        canvas,
        (int(left * _WALL_SIZE), int(top * _WALL_SIZE)),
        (int(right * _WALL_SIZE), int(bottom * _WALL_SIZE)),
        tuple(float(c) for c in color),
        -1,
    )


def _draw_plant(canvas: np.ndarray, random: np.random.Generator, stem: float) -> None:
    """Draw leaves around a stem; `stem` is its x as a share of the canvas."""
    for _ in range(26):
        tip = (stem + random.normal(0, 0.08), random.uniform(0.50, 0.80))
        green = tuple(float(c) for c in np.array([0.07, 0.16, 0.07]) * random.uniform(0.5, 1.6))
        cv2.ellipse(
            canvas,
            (int(tip[0] * _WALL_SIZE), int(tip[1] * _WALL_SIZE)),
            (13, 4),
            float(random.uniform(0, 180)),
            0,
            360,
            green,
            -1,
            cv2.LINE_AA,
        )
