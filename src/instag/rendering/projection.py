"""Projection of 3-D Gaussians to 2-D ones on the picture plane (EWA splatting, as 3DGS and gsplat
do it), in plain torch."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from instag.types import Camera, Splats

NEAR = 0.01
"""Metres: splats whose centre is nearer to the camera's plane are culled."""

DILATION = 0.3
"""Square pixels added to both variances of a projected splat."""

MARGIN = 0.3
"""Half fields of view outside the picture up to which the Jacobian is that of the centre itself."""

SKIP_UNDER = 1 / 255
"""A splat is skipped at a pixel where its alpha is smaller."""

FINISH_UNDER = 1e-4
"""A pixel is finished once its transmittance is under this: splats farther back are skipped."""

FARTHEST = 1e7
"""Pixels: a splat with a half extent beyond is no splat of a head and is culled."""

LARGEST_ALPHA = 0.999
"""The largest alpha of a splat at a pixel (gsplat; 3DGS stops at 0.99)."""


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Splats on the picture plane.

    means2d: pixels. conics: the inverse covariance's entries xx, xy, yy in 1 / px^2. depths: metres
    along the camera's z. extents: half width and half height in pixels of the box outside which
    alpha is under 1/255, 0 for a culled splat.
    """

    means2d: Float[Tensor, "b n 2"]
    conics: Float[Tensor, "b n 3"]
    depths: Float[Tensor, "b n"]
    extents: Float[Tensor, "b n 2"]


def rotations(quats: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation matrices of unit quaternions wxyz."""
    w, x, y, z = quats.unbind(-1)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def project(splats: Splats, camera: Camera) -> Projection:
    """Project splats; differentiable in means, quats, scales and viewmats (extents carry no
    gradient).

    The Jacobian is evaluated at the centre, clamped to `MARGIN` half fields of view outside the
    picture (gsplat). Splats nearer than `NEAR`, with opacity under 1/255, or outside the picture
    get extents 0 and harmless other values.
    """
    rotation, translation = camera.viewmats[:, None, :3, :3], camera.viewmats[:, None, :3, 3]
    x, y, z = ((rotation @ splats.means[..., None])[..., 0] + translation).unbind(-1)
    seen = z >= NEAR
    z = torch.where(seen, z, 1.0)
    focal_x, focal_y, center_x, center_y = (
        camera.Ks[:, None, row, column] for row, column in ((0, 0), (1, 1), (0, 2), (1, 2))
    )
    u, v = x / z, y / z
    means2d = torch.stack([focal_x * u + center_x, focal_y * v + center_y], -1)

    margin_x, margin_y = (
        MARGIN * camera.width / (2 * focal_x),
        MARGIN * camera.height / (2 * focal_y),
    )
    u = torch.minimum(
        torch.maximum(u, -center_x / focal_x - margin_x),
        (camera.width - center_x) / focal_x + margin_x,
    )
    v = torch.minimum(
        torch.maximum(v, -center_y / focal_y - margin_y),
        (camera.height - center_y) / focal_y + margin_y,
    )
    axes = rotation @ (rotations(splats.quats) * splats.scales[..., None, :])
    row_x = (focal_x / z)[..., None] * (axes[..., 0, :] - u[..., None] * axes[..., 2, :])
    row_y = (focal_y / z)[..., None] * (axes[..., 1, :] - v[..., None] * axes[..., 2, :])
    xx, xy, yy = (
        (row_x * row_x).sum(-1) + DILATION,
        (row_x * row_y).sum(-1),
        (row_y * row_y).sum(-1) + DILATION,
    )
    determinant = xx * yy - xy * xy
    conics = torch.stack([yy / determinant, -xy / determinant, xx / determinant], -1)

    with torch.no_grad():
        reach = torch.sqrt(2 * torch.log((splats.opacities / SKIP_UNDER).clamp(min=1)))
        extents = reach[..., None] * torch.sqrt(torch.stack([xx, yy], -1))
        size = extents.new_tensor([camera.width, camera.height])
        inside = (
            ((means2d + extents > 0) & (means2d - extents < size)).all(-1)
            & seen
            & (determinant > 0)
            & (extents < FARTHEST).all(-1)
        )
        extents = torch.where(inside[..., None], extents, 0.0)
    return Projection(means2d=means2d, conics=conics, depths=z, extents=extents)
