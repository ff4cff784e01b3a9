"""Lambertian shading under spherical-harmonics light: a vertex's colour is its albedo times the
irradiance, which nine harmonics of its normal give for red, green and blue.

R. Ramamoorthi and P. Hanrahan, "An Efficient Representation for Irradiance Environment Maps", 2001.
Normals are in the camera's frame (x right, y up, z toward the camera), so that the light is
constant while the head turns.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

BANDS = 9
AMBIENT = 0.8
"""Prior mean of the first coefficient, as in AD-NeRF; that of the others is 0."""
LIGHT_PRIOR = 2.0
"""Weight of the prior, as a number of fully lit points."""


def harmonics(normals: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 9"]:
    """Real spherical harmonics up to degree 2 of unit normals, each times its coefficient of the
    clamped cosine (Ramamoorthi and Hanrahan, equation 8)."""
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
    """The prior mean of each frame's light."""
    light = like.new_zeros(frames, BANDS, 3)
    light[:, 0] = AMBIENT
    return light


def fit_light(
    albedo: Float[Tensor, "p 3"],
    basis: Float[Tensor, "f p 9"],
    colors: Float[Tensor, "f p 3"],
    weights: Float[Tensor, "f p"],
) -> Float[Tensor, "f 9 3"]:
    """The light of each frame from colours and albedo, by weighted least squares with a prior."""
    prior = ambient(len(colors), colors)
    lights = []
    for channel in range(3):
        rows = albedo[:, channel, None] * basis
        normal = rows.transpose(1, 2) @ (weights[..., None] * rows) + LIGHT_PRIOR * torch.eye(
            BANDS, dtype=rows.dtype, device=rows.device
        )
        right = (rows * (weights * colors[..., channel])[..., None]).sum(1) + LIGHT_PRIOR * prior[
            ..., channel
        ]
        lights.append(torch.linalg.solve(normal, right))
    return torch.stack(lights, -1)


def fit_texture(
    mean: Float[Tensor, "p 3"],
    basis: Float[Tensor, "p t 3"],
    irradiance: Float[Tensor, "f p 3"],
    colors: Float[Tensor, "f p 3"],
    information: Float[Tensor, "f p"],
) -> Float[Tensor, " t"]:
    """The albedo's coefficients in standard deviations, by weighted least squares with a unit
    prior; frames are averaged."""
    columns = basis.transpose(1, 2)
    normal = torch.eye(basis.shape[1], dtype=basis.dtype, device=basis.device)
    right = normal.new_zeros(len(normal))
    for light, color, weight in zip(irradiance, colors, information, strict=True):
        rows = columns * light[..., None]
        weighted = rows * weight[:, None, None] / len(colors)
        normal = normal + torch.einsum("pct,pcu->tu", weighted, rows)
        right = right + torch.einsum("pct,pc->t", weighted, color - mean * light)
    return torch.linalg.solve(normal, right)
