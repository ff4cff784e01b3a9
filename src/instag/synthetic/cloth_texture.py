"""The texture of a synthetic figure's clothes."""

import numpy as np
from jaxtyping import UInt8

from instag.synthetic.looks import Looks
from instag.synthetic.texture import noise, packed


def cloth_texture(looks: Looks) -> UInt8[np.ndarray, "512 512 4"]:
    """Knitted cloth, striped for some people, with irregular shades of yarn."""
    random, size = np.random.default_rng(looks.seed + 51), 512
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    color = np.ones((size, size, 3)) * np.array(looks.cloth)
    if looks.striped:
        band = 0.5 + 0.5 * np.tanh(12 * (np.sin(rows * 2 * np.pi / 44) - 0.35))
        color = color * (1 - band[..., None]) + band[..., None] * np.array(looks.stripe)
    knit = np.sin(columns * 2 * np.pi / 4) * np.sin(
        rows * 2 * np.pi / 4 + np.sin(columns * 2 * np.pi / 8)
    )
    color = (
        color
        * (1 + 0.10 * noise(random, size, 3) + 0.07 * noise(random, size, 30) + 0.10 * knit)[
            ..., None
        ]
    )
    return packed(color, 0.5 + 0.05 * knit + 0.08 * noise(random, size, 40))
