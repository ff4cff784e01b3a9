"""Rotations and rigid motions as matrices: from quaternions, from rotation vectors, and from a
Track's poses to a rasterizer's cameras.

Matrices act on columns. Every function is differentiable and keeps the dtype and device of what it
is given.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def quaternion_to_matrix(wxyz: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation matrices of quaternions, real part first. They need not have unit length; zero ones
    give NaN."""
    w, x, y, z = (wxyz / wxyz.norm(dim=-1, keepdim=True)).unbind(-1)
    entries = [
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    ]
    return torch.stack(entries, -1).unflatten(-1, (3, 3))


def rotated_axis(
    wxyz: Float[Tensor, "*batch 4"], axis: Int[Tensor, "*batch"]
) -> Float[Tensor, "*batch 3"]:
    """The coordinate axis 0, 1 or 2, rotated by each unit quaternion: one column of its matrix."""
    along = torch.nn.functional.one_hot(axis, 3).to(wxyz.dtype)
    real, imaginary = wxyz[..., :1], wxyz[..., 1:]
    twice = 2 * torch.linalg.cross(imaginary, along)
    return along + real * twice + torch.linalg.cross(imaginary, twice)


def cross_matrix(vectors: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The skew matrices K with K v = vector x v."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))


def rotation_vector_to_matrix(vectors: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The exponential map of so(3): a turn about each vector by its length in radians (Rodrigues).

    Smooth at zero: below 1e-4 radians the series is used, so that gradients stay finite.
    """
    squared = (vectors * vectors).sum(-1)[..., None, None]
    small = squared < 1e-8
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    first = torch.where(small, 1 - squared / 6, angle.sin() / angle)
    second = torch.where(small, 0.5 - squared / 24, (1 - angle.cos()) / (angle * angle))
    cross = cross_matrix(vectors)
    return (
        torch.eye(3, dtype=vectors.dtype, device=vectors.device)
        + first * cross
        + second * (cross @ cross)
    )


def viewmats(
    rotations: Float[Tensor, "f 3 3"], translations: Float[Tensor, "f 3"]
) -> Float[Tensor, "f 4 4"]:
    """World to camera, OpenCV style (y down, z forward), from camera to world, OpenGL style (y up,
    looking along -z).

    This is what a Camera takes, from what a Track holds (docs/conventions.md#axes-and-units). Units
    are those of `translations`.
    """
    flip = torch.tensor([1.0, -1.0, -1.0], dtype=rotations.dtype, device=rotations.device)
    turn = flip[:, None] * rotations.transpose(1, 2)
    top = torch.cat([turn, -turn @ translations[:, :, None]], -1)
    bottom = torch.tensor(
        [0.0, 0.0, 0.0, 1.0], dtype=rotations.dtype, device=rotations.device
    ).expand(len(top), 1, 4)
    return torch.cat([top, bottom], 1)
