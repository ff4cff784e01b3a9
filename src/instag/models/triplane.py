"""The tri-plane encoding: a point's features, read from three sets of dense little 2-D grids
(docs/method.md#networks)."""

import math
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from instag.models.triplane_gather import grids_of, read_planes_at_once
from instag.models.triplane_numba import read_planes_fast


@final
class TriPlane(nn.Module):
    """Three planes (x, y), (y, z), (x, z), each read at `levels` resolutions with linear
    interpolation.

    A level of scale s = base g^i - 1 has (r + 1)^2 entries, r = ceil(base g^i), as in Instant-NGP's
    hash grids where these do not collide. All entries lie in one flat parameter: plane by plane,
    level by level, row by row (the first coordinate varies fastest).

    base, finest: resolutions of the first and last level over [-bound, bound]. bound: metres;
    points outside are clamped.
    """

    picks: Tensor
    scale_table: Tensor
    size_table: Tensor
    starts: Tensor

    def __init__(self, base: int, finest: float, levels: int = 12, bound: float = 0.15) -> None:
        super().__init__()
        growth = (finest / base) ** (1 / max(1, levels - 1))
        resolutions = [base * growth**level for level in range(levels)]
        self.bound = bound
        self.scales = [resolution - 1 for resolution in resolutions]
        self.sizes = [math.ceil(resolution - 1e-9) + 1 for resolution in resolutions]
        self.width = 3 * levels
        for name, table in grids_of(self.scales, self.sizes).items():
            self.register_buffer(name, table, persistent=False)
        self.entries = nn.Parameter(
            torch.empty(3 * sum(size * size for size in self.sizes)).uniform_(-1e-4, 1e-4)
        )

    def forward(self, points: Float[Tensor, "*b n 3"]) -> Float[Tensor, "*b n f"]:
        """Features of points in metres: all levels of (x, y), then of (y, z), then of (x, z)."""
        # A NaN would be an index outside the grids; training notices it in its loss all the same.
        units = (
            ((points.reshape(-1, 3) + self.bound) / (2 * self.bound)).clamp(0, 1).nan_to_num(0.0)
        )
        if units.device.type == "cpu":
            read = read_planes_fast if units.dtype == torch.float32 else read_planes
            features = read(self.entries, units, self.scales, self.sizes)
        else:
            features = read_planes_at_once(
                self.entries, units, self.picks, self.scale_table, self.size_table, self.starts
            )
        return features.view(*points.shape[:-1], self.width)


def read_planes(
    entries: Float[Tensor, " e"], units: Float[Tensor, "n 3"], scales: list[float], sizes: list[int]
) -> Float[Tensor, "n f"]:
    """Read the grids at positions in [0, 1]^3, with F.grid_sample, on any device."""
    planes = entries.view(3, -1)
    positions = torch.stack([units[:, [0, 1]], units[:, [1, 2]], units[:, [0, 2]]])
    start, features = 0, []
    for scale, size in zip(scales, sizes, strict=True):
        grid = planes[:, start : start + size * size].view(3, 1, size, size)
        where = (positions * scale + 0.5) * (2 / (size - 1)) - 1
        features.append(
            F.grid_sample(grid, where[:, :, None], align_corners=True, padding_mode="border")[
                :, 0, :, 0
            ]
        )
        start += size * size
    return torch.stack(features, 1).flatten(0, 1).T.contiguous()
