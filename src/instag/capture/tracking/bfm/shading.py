"""Skin under light: a vertex's colour is its albedo times what nine spherical harmonics of its
normal let arrive, for red, green and blue.

R. Ramamoorthi and P. Hanrahan, "An Efficient Representation for Irradiance Environment Maps", 2001.
Normals are in the camera's frame (x right, y up, z toward the camera), so that the light stands
still while the head turns.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

BANDS = 9
AMBIENT = 0.8
"""The first harmonic's coefficient where nothing is known, as in AD-NeRF; the others are 0."""
LIGHT_PRIOR = 2.0
"""How many fully lit points that belief counts for."""


def harmonics(normals: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 9"]:
    """Real spherical harmonics up to degree 2 of unit normals, each times what a matt surface
    receives of it."""
    x, y, z = normals.unbind(-1)
    flat, first, second = (
        math.pi / math.sqrt(4 * math.pi),
        2 * math.pi / 3 * math.sqrt(3 / (4 * math.pi)),
        math.pi / 4 * math.sqrt(15 / (4 * math.pi)),
    )
    return torch.stack(
        [
            torch.full_like(x, flat),
            *(first * y, first * z, first * x),
            *(
                second * x * y,
                second * y * z,
                second * (3 * z * z - 1) / math.sqrt(12),
                second * x * z,
                second * (x * x - y * y) / 2,
            ),
        ],
        -1,
    )


def ambient(frames: int, like: Tensor) -> Float[Tensor, "f 9 3"]:
    """The light of each frame before anything is known."""
    light = like.new_zeros(frames, BANDS, 3)
    light[:, 0] = AMBIENT
    return light


def fit_light(
    albedo: Float[Tensor, "p 3"],
    received: Float[Tensor, "f p 9"],
    colours: Float[Tensor, "f p 3"],
    weights: Float[Tensor, "f p"],
) -> Float[Tensor, "f 9 3"]:
    """The light under which skin of this albedo has these colours, by least squares."""
    believed = ambient(len(colours), colours)
    lights = []
    for channel in range(3):
        rows = albedo[:, channel, None] * received
        normal = rows.transpose(1, 2) @ (weights[..., None] * rows) + LIGHT_PRIOR * torch.eye(
            BANDS, dtype=rows.dtype, device=rows.device
        )
        right = (rows * (weights * colours[..., channel])[..., None]).sum(
            1
        ) + LIGHT_PRIOR * believed[..., channel]
        lights.append(torch.linalg.solve(normal, right))
    return torch.stack(lights, -1)


def fit_texture(
    mean: Float[Tensor, "p 3"],
    basis: Float[Tensor, "p t 3"],
    arriving: Float[Tensor, "f p 3"],
    colours: Float[Tensor, "f p 3"],
    information: Float[Tensor, "f p"],
) -> Float[Tensor, " t"]:
    """The likeliest coefficients of the albedo in standard deviations, its prior 1 for each, its
    evidence the mean of the frames'."""
    columns = basis.transpose(1, 2)
    normal = torch.eye(basis.shape[1], dtype=basis.dtype, device=basis.device)
    right = normal.new_zeros(len(normal))
    for light, colour, known in zip(arriving, colours, information, strict=True):
        rows = columns * light[..., None]
        weighted = rows * known[:, None, None] / len(colours)
        normal = normal + torch.einsum("pct,pcu->tu", weighted, rows)
        right = right + torch.einsum("pct,pc->t", weighted, colour - mean * light)
    return torch.linalg.solve(normal, right)
