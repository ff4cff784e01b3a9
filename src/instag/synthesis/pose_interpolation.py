"""Rigid poses between rigid poses."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor


@final
@dataclass(frozen=True, kw_only=True)
class Parts:
    """Parts of a table: the first row of each, and how many rows it has; without an axis where all
    places lie in the same."""

    first: Int[Tensor, "*f"]
    count: Int[Tensor, "*f"]

    @classmethod
    def whole(cls, table: Tensor) -> "Parts":
        """All of a table."""
        return cls(first=torch.tensor(0), count=torch.tensor(len(table)))

    def at(self, rows: Int[Tensor, " f"]) -> "Parts":
        """Those with these numbers."""
        return Parts(first=self.first[rows], count=self.count[rows])


def interpolate_poses(
    viewmats: Float[Tensor, "l 4 4"], places: Float[Tensor, " f"], parts: Parts | None = None
) -> Float[Tensor, "f 4 4"]:
    """Rigid motions at fractional places: the turn along the shortest arc, the head's origin in the
    camera's view along a line. parts: of the table, in which each place is counted; all of it if
    not given."""
    low, high, share = _between(places, parts or Parts.whole(viewmats))
    return nearest_rigid(torch.lerp(viewmats[low], viewmats[high], share[:, None, None]))


def interpolate_values(
    values: Float[Tensor, "l c"], places: Float[Tensor, " f"], parts: Parts | None = None
) -> Float[Tensor, "f c"]:
    """Values at fractional places, along straight lines. parts: as in interpolate_poses."""
    low, high, share = _between(places, parts or Parts.whole(values))
    return torch.lerp(values[low], values[high], share[:, None])


def nearest_rigid(poses: Float[Tensor, "f 4 4"]) -> Float[Tensor, "f 4 4"]:
    """Means of rigid motions made rigid: the nearest rotation to the mean of two near rotations
    lies on their arc."""
    left, _, right = torch.linalg.svd(poses[:, :3, :3])
    turned = torch.cat([left @ right, poses[:, :3, 3:]], dim=-1)
    return torch.cat([turned, poses[:, 3:]], dim=1)


def _between(places: Float[Tensor, " f"], parts: Parts) -> tuple[Tensor, Tensor, Tensor]:
    last = parts.count - 1
    low = places.floor().long().clamp_min(0).minimum(last)
    return parts.first + low, parts.first + (low + 1).minimum(last), places - low
