"""The Gaussians of a head as they are learned: raw values, activated when a frame is rendered
(docs/method.md#gaussians)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus

from instag.models.face_field import Deformation
from instag.rendering.spherical_harmonics import SH_C0
from instag.types import Splats

EXTENT = 0.1
"""Half the side of the cube, in metres, in which a face's Gaussians start."""
MOUTH_DEPTH = 0.006
"""Metres behind the lips in which a mouth starts from their shape. A few seconds do not show the
depth of teeth: what lies deeper and farther apart parts when the head turns."""
START_OPACITY = 0.1


class Gaussians(nn.Module):
    """n Gaussians. Parameters by name: means [n 3] metres, dc [n 1 3], rest [n k 3], opacity [n]
    logits, scale [n 3] and rotation [n 4], raw."""

    def __init__(
        self,
        *,
        means: Float[Tensor, "n 3"],
        dc: Float[Tensor, "n 1 3"],
        rest: Float[Tensor, "n k 3"],
        opacity: Float[Tensor, " n"],
        scale: Float[Tensor, "n 3"],
        rotation: Float[Tensor, "n 4"],
    ) -> None:
        super().__init__()
        self.means = nn.Parameter(means)
        self.dc = nn.Parameter(dc)
        self.rest = nn.Parameter(rest)
        self.opacity = nn.Parameter(opacity)
        self.scale = nn.Parameter(scale)
        self.rotation = nn.Parameter(rotation)

    def __len__(self) -> int:
        return len(self.means)

    def tables(self) -> dict[str, Tensor]:
        """The raw values by parameter name, detached."""
        return {name: parameter.detach() for name, parameter in self.named_parameters()}

    def raw(self) -> Float[Tensor, "n 10"]:
        """What a deformation adds to: centres, quaternions and scales, raw and detached."""
        tables = self.tables()
        return torch.cat([tables["means"], tables["rotation"], tables["scale"]], dim=1)

    def part(self, kept: Bool[Tensor, " n"] | Int[Tensor, " k"]) -> "Gaussians":
        """Some of them, by their places in this order where these are given; not learned."""
        tables = {name: table[kept] for name, table in self.tables().items()}
        return Gaussians(**tables).requires_grad_(False)

    def coefficients(self, degree: int) -> Float[Tensor, "n k 3"]:
        """Spherical harmonics up to `degree`."""
        return (
            self.dc
            if degree == 0
            else torch.cat([self.dc, self.rest[:, : (degree + 1) ** 2 - 1]], dim=1)
        )

    def splats(self, motion: Deformation | None, frames: int, *, rigid: bool = False) -> Splats:
        """The deformed, activated splats of a batch; `motion=None` is the head at rest. `rigid`:
        shifts only (the mouth)."""
        opacities = torch.sigmoid(self.opacity).expand(frames, -1)
        if motion is None:
            means, scale, rotation = self.means[None], self.scale[None], self.rotation[None]
        elif rigid:
            means, scale, rotation = (
                self.means + motion.shift,
                self.scale[None],
                self.rotation[None],
            )
        else:
            means, scale, rotation = (
                self.means + motion.shift,
                self.scale + motion.scale,
                self.rotation + motion.rotation,
            )
        return Splats(
            means=means.expand(frames, -1, -1),
            quats=normalize(rotation, dim=-1).expand(frames, -1, -1),
            scales=softplus(scale).expand(frames, -1, -1),
            opacities=opacities,
        )


def random_gaussians(
    count: int, degree: int, generator: torch.Generator, *, mouth: bool = False
) -> Gaussians:
    """A start from nothing: uniform in the cube, near black, faint, each as large as its neighbours
    are far.

    The mouth's cube is halved and moved down by 0.05 m (docs/method.md#gaussians).
    """
    means = (torch.rand(count, 3, generator=generator) * 2 - 1) * EXTENT
    if mouth:
        means = means / 2 - torch.tensor([0.0, 0.05, 0.0])
    return gaussians_at(means, degree, generator)


def gaussians_behind(
    lips: Float[Tensor, "v 3"], count: int, degree: int, generator: torch.Generator
) -> Gaussians:
    """A mouth's start from the points of its lips: anywhere in the box around them that reaches
    MOUTH_DEPTH back from their rear."""
    low, high = lips.min(0).values, lips.max(0).values
    low, high = low - torch.tensor([0.0, 0.0, MOUTH_DEPTH]), torch.cat([high[:2], low[2:]])
    return gaussians_at(
        low + torch.rand(count, 3, generator=generator) * (high - low), degree, generator
    )


def gaussians_at(
    means: Float[Tensor, "n 3"],
    degree: int,
    generator: torch.Generator,
    *,
    color: Float[Tensor, "n 3"] | None = None,
    opacity: float = START_OPACITY,
) -> Gaussians:
    """Each as large as its three nearest neighbours are far; near black where no colours in [0, 1]
    are given."""
    count = len(means)
    distance = (
        torch.cdist(means, means)
        .topk(min(4, count), largest=False)
        .values[:, 1:]
        .mean(1)
        .clamp_min(1e-4)
    )
    shade = torch.rand(count, 3, generator=generator) / 255 if color is None else color
    return Gaussians(
        means=means,
        dc=(shade[:, None] - 0.5) / SH_C0,
        rest=torch.zeros(count, (degree + 1) ** 2 - 1, 3),
        opacity=torch.full((count,), math.log(opacity / (1 - opacity))),
        scale=distance.log()[:, None].repeat(1, 3),
        rotation=torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(count, 1),
    )


@dataclass(frozen=True, kw_only=True)
class Selection:
    """How a set of Gaussians changes: rows that stay, and rows that are added (the tables of
    `Gaussians.tables`)."""

    keep: Bool[Tensor, " n"]
    added: dict[str, Tensor]
