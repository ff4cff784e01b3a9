"""The texture of a synthetic figure's eyeball."""

import numpy as np
from jaxtyping import UInt8

from instag.synthetic.looks import Looks
from instag.synthetic.texture import noise, packed


def eye_texture(looks: Looks) -> UInt8[np.ndarray, "256 256 4"]:
    """The front of an eyeball along its axis: pupil, iris fibres, dark rim, and white with faint
    veins."""
    random, size = np.random.default_rng(looks.seed + 41), 256
    columns, rows = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    radius, angle = np.hypot(columns, rows), np.arctan2(rows, columns)
    iris_radius = 0.485
    share = np.clip(radius / iris_radius, 0, 1)
    fibres = (
        sum(
            np.sin(k * angle + random.uniform(0, 6.3) + 2.0 * share * random.uniform(-1, 1))
            for k in (13, 21, 34, 47, 60)
        )
        / 5
    )
    iris = (
        np.array(looks.iris)[None, None]
        * (1.15 + 0.55 * fibres * (share > 0.4) + 0.5 * np.exp(-(((share - 0.5) / 0.14) ** 2)))[
            ..., None
        ]
    )
    iris = iris * (1 - 0.75 * np.clip((share - 0.80) / 0.2, 0, 1))[..., None]
    pupil = np.clip((0.40 - share) / 0.05, 0, 1)[..., None]
    iris = iris * (1 - pupil) + 0.003 * pupil
    veins = (
        np.clip(np.abs(noise(random, size, 9)), 0, 2)[..., None]
        * np.clip(radius - 0.6, 0, 1)[..., None]
    )
    white = (
        np.array([0.70, 0.66, 0.62])
        * (1 - veins * np.array([0.05, 0.25, 0.25]))
        * (1 - 0.25 * np.clip(radius - 0.5, 0, 1))[..., None]
    )
    outside = np.clip((radius - iris_radius) / 0.045 + 0.5, 0, 1)[..., None]
    return packed(iris * (1 - outside) + white * outside, np.full((size, size), 0.5))
