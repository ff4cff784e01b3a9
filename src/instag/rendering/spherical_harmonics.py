"""Spherical harmonics: how a splat's colour depends on the viewing direction (real basis, as in
3DGS)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

SH_C0 = 0.28209479177387814
"""The basis function of degree 0: a plain colour c has the coefficient (c - 0.5) / SH_C0."""

_FIRST = 0.4886025119029199
_SECOND = (1.0925484305920792, 0.31539156525252005, 0.5462742152960396)
_THIRD = (
    0.5900435899266435,
    2.890611442640554,
    0.4570457994644658,
    0.3731763325901154,
    1.445305721320277,
)


def directions(
    means: Float[Tensor, "b n 3"], viewmats: Float[Tensor, "b 4 4"]
) -> Float[Tensor, "b n 3"]:
    """Unit vectors from each camera's centre to its splats, world axes."""
    return F.normalize(means - centers(viewmats)[:, None], dim=-1)


def centers(viewmats: Float[Tensor, "b 4 4"]) -> Float[Tensor, "b 3"]:
    """Where cameras stand, world axes."""
    rotation, translation = viewmats[:, :3, :3], viewmats[:, :3, 3]
    return -(rotation.mT @ translation[..., None])[..., 0]


def linear(
    coefficients: Float[Tensor, "n 4 3"],
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3 3"]]:
    """Of degree 1: the colour seen from nowhere, and what it gains along x, y and z of a unit
    direction."""
    plain = SH_C0 * coefficients[:, 0] + 0.5
    signs = coefficients.new_tensor([-_FIRST, -_FIRST, _FIRST])
    return plain, coefficients[:, [3, 1, 2]] * signs[:, None]


def colors(
    coefficients: Float[Tensor, "*c n k 3"], directions: Float[Tensor, "*b n 3"]
) -> Float[Tensor, "*b n 3"]:
    """RGB of splats along unit viewing `directions` (camera to splat, world axes): basis .
    coefficients + 0.5, at least 0.

    k is 1, 4, 9 or 16: degree 0, 1, 2 or 3. Coefficients without the leading batch are shared by
    the batch.
    """
    count = coefficients.shape[-2]
    assert count in (1, 4, 9, 16), (
        f"{count} coefficients are no whole degree of spherical harmonics"
    )
    plain = SH_C0 * coefficients[..., 0, :] + 0.5
    if count == 1:
        return plain.clamp(min=0).expand(directions.shape)
    if count == 4:
        axes = coefficients[..., 1:4, :]
        x, y, z = directions.split(1, -1)
        return (
            plain + _FIRST * (z * axes[..., 1, :] - y * axes[..., 0, :] - x * axes[..., 2, :])
        ).clamp(min=0)
    basis = _basis(directions, count)
    return (plain + (basis[..., None, :] @ coefficients[..., 1:, :])[..., 0, :]).clamp(min=0)


def _basis(directions: Float[Tensor, "*b 3"], count: int) -> Float[Tensor, "*b f"]:
    """The basis functions of degree 1 and higher, `count` - 1 of them."""
    x, y, z = directions.unbind(-1)
    functions = [-_FIRST * y, _FIRST * z, -_FIRST * x]
    xx, yy, zz = x * x, y * y, z * z
    if count >= 9:
        a, b, c = _SECOND
        functions += [a * x * y, -a * y * z, b * (2 * zz - xx - yy), -a * x * z, c * (xx - yy)]
    if count >= 16:
        a, b, c, d, e = _THIRD
        functions += [
            -a * y * (3 * xx - yy),
            b * x * y * z,
            -c * y * (4 * zz - xx - yy),
            d * z * (2 * zz - 3 * xx - 3 * yy),
            -c * x * (4 * zz - xx - yy),
            e * z * (xx - yy),
            -a * x * (xx - 3 * yy),
        ]
    return torch.stack(functions, -1)
