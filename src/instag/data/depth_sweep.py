"""DepthProfile: how far hair and ears recede behind the nearest tracked points, by direction and by
distance; found by a sweep of depths over some views, between which the head turns (a plane sweep:
Collins, "A Space-Sweep Approach to True Multi-Image Matching", 1996).

Where the views tell nothing, the profile is that of heads in general: sides recede steeply, the
crown slowly at first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from numba import njit
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from instag.data.head_view import HeadView, NearestPoints
from instag.runtime.parallel import in_order
from instag.types import Region

SECTORS = 24
"""Directions from the middle of the face, counterclockwise from the picture's right."""
RINGS, RING = 16, 0.005
"""Distances from the nearest tracked point, and metres between them."""
DEPTHS, DEPTH = 29, 0.005
"""Depths that are tried, and metres between them."""
POINTS = 1_000
"""Points of each view whose depth is swept."""
SIDE, CROWN, BELOW = (3.0, 0.075), (1.4, 0.10), (2.0, 0.07)
"""Of heads in general: metres back for each metre away, and the most. The outermost tracked points
lie at the temples, some 4 cm before the ears."""
OUTLIER = 0.12
"""A difference of colours, in [0, 1], beyond which two points are not the same."""
TRUST = 0.0025
"""Weight of the general profile: what a deviation of 1 cm costs, in OUTLIERs."""
FEWEST = 5
"""Points of a sector and ring below which their colours weigh less."""
STEEPEST = 4
"""DEPTHs that the profile may grow from one ring to the next."""
BACKGROUND = int(Region.BACKGROUND)


@final
@dataclass(frozen=True, kw_only=True)
class DepthProfile:
    """table: metres back at the middle of each sector and ring."""

    table: Float[np.ndarray, "sectors rings"]

    def __call__(
        self, away: Float[Tensor, " n"], angle: Float[Tensor, " n"]
    ) -> Float[Tensor, " n"]:
        """Metres back at so many metres from the nearest tracked point in a direction, radians."""
        sector = (angle / (2 * math.pi) * SECTORS - 0.5) % SECTORS
        ring = (away / RING - 0.5).clamp(0, RINGS - 1 - 1e-4)
        table = torch.from_numpy(self.table)
        low, left = sector.long() % SECTORS, ring.long()
        across, along = sector - sector.floor(), ring - left
        found = torch.zeros_like(away)
        for row, share in ((low, 1 - across), ((low + 1) % SECTORS, across)):
            found += share * ((1 - along) * table[row, left] + along * table[row, left + 1])
        # From nothing at the tracked points themselves.
        return found * (away / (RING / 2)).clamp(max=1)


@final
@dataclass(frozen=True, kw_only=True)
class _Beside:
    """Pixels of one view that lie beside the tracked points. origin: where they are at no further
    depth; ray: how a metre of depth moves them; metres in the head's frame. view: its number."""

    origin: Float[Tensor, "n 3"]
    ray: Float[Tensor, "n 3"]
    away: Float[Tensor, " n"]
    angle: Float[Tensor, " n"]
    color: Float[Tensor, "n 3"]
    view: int


def general_profile() -> DepthProfile:
    """That of heads in general."""
    angle = (np.arange(SECTORS) + 0.5) / SECTORS * 2 * math.pi
    away = (np.arange(RINGS) + 0.5) * RING
    up, down = np.sin(angle).clip(0, None) ** 2, (-np.sin(angle)).clip(0, None) ** 2
    growth, deepest = (
        side + up * (crown - side) + down * (below - side)
        for side, crown, below in zip(SIDE, CROWN, BELOW, strict=True)
    )
    table = np.minimum(growth[:, None] * away, deepest[:, None])
    return DepthProfile(table=table.astype(np.float32))


def depth_profile(
    views: Sequence[HeadView],
    seen: Sequence[tuple[Int[Tensor, "_ 2"], NearestPoints]],
    generator: torch.Generator,
) -> DepthProfile:
    """The profile at which what lies beside the tracked points has the same colours in all views.
    seen: the `head_pixels_of` the views."""
    images = list(in_order(HeadView.smoothed, views))
    parts = [
        _beside(number, view, *seen[number], images[number], generator)
        for number, view in enumerate(views)
    ]
    cost, count = np.zeros((SECTORS, RINGS, DEPTHS)), np.zeros((SECTORS, RINGS))
    differences = in_order(lambda part: _differences(part, views, images).numpy(), parts)
    for part, difference in zip(parts, differences, strict=True):
        sector = (part.angle / (2 * math.pi) * SECTORS).long().numpy() % SECTORS
        ring = (part.away / RING).long().clamp(max=RINGS - 1).numpy()
        np.add.at(cost, (sector, ring), difference)
        np.add.at(count, (sector, ring), 1)
    # Neighbouring sectors and rings tell of each other.
    cost, count = (_smoothed(values, (1.0, 0.7)) for values in (cost, count))
    mean = cost / np.maximum(count, FEWEST)[..., None]
    return DepthProfile(table=_cheapest(mean, general_profile().table))


def _beside(
    number: int,
    view: HeadView,
    pixels: Int[Tensor, "n 2"],
    nearest: NearestPoints,
    image: UInt8[np.ndarray, "h w 3"],
    generator: torch.Generator,
) -> _Beside:
    """Some pixels of a view that lie beside the tracked points."""
    chosen = torch.nonzero(nearest.away > 0)[:, 0]
    chosen = chosen[torch.randperm(len(chosen), generator=generator)[:POINTS]]
    pixels, depth = pixels[chosen], nearest.depth[chosen]
    origin = view.lift(pixels, depth)
    return _Beside(
        origin=origin,
        ray=view.lift(pixels, depth + 1) - origin,
        away=nearest.away[chosen],
        angle=nearest.angle[chosen],
        color=torch.from_numpy(image[pixels[:, 0].numpy(), pixels[:, 1].numpy()]).float() / 255,
        view=number,
    )


def _differences(
    part: _Beside,
    views: Sequence[HeadView],
    images: Sequence[UInt8[np.ndarray, "h w 3"]],
) -> Float[Tensor, "n depths"]:
    """How different points look in the other views at each depth, in OUTLIERs: the mean over the
    views. What lies beside the person is an outlier."""
    steps = torch.arange(DEPTHS) * DEPTH
    places = (part.origin[:, None] + part.ray[:, None] * steps[:, None]).flatten(0, 1)
    total = np.zeros((len(part.away), DEPTHS), np.float32)
    for number, view in enumerate(views):
        if number != part.view:
            _add_differences(
                view.project(places).numpy(),
                images[number],
                view.regions,
                part.color.numpy(),
                total,
            )
    return torch.from_numpy(total) / max(1, len(views) - 1)


@njit(cache=True, nogil=True)
def _add_differences(places, image, regions, color, total):  # pragma: no cover - compiled
    """Add how different each point looks at each depth's place (column, row) in a picture."""
    height, width = regions.shape
    points, depths = total.shape
    for point in range(points):
        for depth in range(depths):
            place = point * depths + depth
            column = min(max(int(places[place, 0]), 0), width - 1)
            row = min(max(int(places[place, 1]), 0), height - 1)
            apart = np.float32(0)
            for channel in range(3):
                seen = np.float32(image[row, column, channel]) / np.float32(255)
                apart += abs(seen - color[point, channel])
            apart = apart / np.float32(3) / np.float32(OUTLIER)
            outside = np.float32(regions[row, column] == BACKGROUND)
            total[point, depth] += min(apart + outside, np.float32(1))


def _cheapest(
    cost: Float[np.ndarray, "sectors rings depths"], general: Float[np.ndarray, "sectors rings"]
) -> Float[np.ndarray, "sectors rings"]:
    """In each sector the cheapest profile that never comes forward again and grows by STEEPEST at
    most from ring to ring (dynamic programming)."""
    depths = np.arange(DEPTHS) * DEPTH
    cost = cost + TRUST * ((depths - general[..., None]) / 0.01) ** 2
    table = np.zeros(cost.shape[:2], np.float32)
    for sector in range(len(cost)):
        best, came = cost[sector, 0].copy(), []
        best[STEEPEST + 1 :] = np.inf
        for ring in range(1, cost.shape[1]):
            options = np.full((STEEPEST + 1, DEPTHS), np.inf)
            for step in range(STEEPEST + 1):
                options[step, step:] = best[: DEPTHS - step]
            came.append(options.argmin(0))
            best = options.min(0) + cost[sector, ring]
        at = int(best.argmin())
        for ring in range(cost.shape[1] - 1, 0, -1):
            table[sector, ring] = depths[at]
            at -= int(came[ring - 1][at])
        table[sector, 0] = depths[at]
    return _smoothed(table, (0.7, 0.5))


def _smoothed(
    values: Float[np.ndarray, "sectors rings ..."], sigma: tuple[float, float]
) -> Float[np.ndarray, "sectors rings ..."]:
    """Blurred by so many sectors, which close a circle, and rings."""
    around = gaussian_filter1d(values, sigma[0], axis=0, mode="wrap")
    return gaussian_filter1d(around, sigma[1], axis=1, mode="nearest")
