"""Rigid poses between rigid poses."""

import torch
from jaxtyping import Float
from torch import Tensor


def interpolate_poses(
    viewmats: Float[Tensor, "l 4 4"], places: Float[Tensor, " f"]
) -> Float[Tensor, "f 4 4"]:
    """Rigid motions at fractional places: the turn along the shortest arc, the head's origin in the
    camera's view along a line."""
    low, high, share = _between(len(viewmats), places)
    return nearest_rigid(torch.lerp(viewmats[low], viewmats[high], share[:, None, None]))


def interpolate_values(
    values: Float[Tensor, "l c"], places: Float[Tensor, " f"]
) -> Float[Tensor, "f c"]:
    """Values at fractional places, along straight lines."""
    low, high, share = _between(len(values), places)
    return torch.lerp(values[low], values[high], share[:, None])


def nearest_rigid(poses: Float[Tensor, "f 4 4"]) -> Float[Tensor, "f 4 4"]:
    """Means of rigid motions made rigid: the nearest rotation to the mean of two near rotations
    lies on their arc."""
    left, _, right = torch.linalg.svd(poses[:, :3, :3])
    turned = torch.cat([left @ right, poses[:, :3, 3:]], dim=-1)
    return torch.cat([turned, poses[:, 3:]], dim=1)


def _between(count: int, places: Float[Tensor, " f"]) -> tuple[Tensor, Tensor, Tensor]:
    low = places.floor().long().clamp(0, count - 1)
    return low, (low + 1).clamp(max=count - 1), places - low
