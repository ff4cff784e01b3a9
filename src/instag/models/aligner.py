"""The motion aligner: maps points of a new head into the space of the universal field
(docs/method.md#networks)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.models.mlp import mlp
from instag.models.triplane import TriPlane

OFFSET_UNIT = 1e-2
"""Metres that an output of 1 moves a point."""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """Where to evaluate the universal field, and a factor for each axis of its shifts. offset:
    metres."""

    offset: Float[Tensor, "n 3"]
    gain: Float[Tensor, "n 3"]


class Aligner(nn.Module):
    """A tri-plane encoding and a small network, a person's own."""

    def __init__(self, *, hidden: int, base: int, finest: float) -> None:
        super().__init__()
        self.encoding = TriPlane(base, finest)
        self.network = mlp(36, hidden, 6)

    def forward(self, points: Float[Tensor, "n 3"]) -> Alignment:
        out = self.network(self.encoding(points))
        return Alignment(
            offset=out[:, :3] * OFFSET_UNIT, gain=1 + 0.25 * torch.tanh(out[:, 3:] / 5)
        )


def face_aligner() -> Aligner:
    return Aligner(hidden=32, base=16, finest=38.4)


def mouth_aligner() -> Aligner:
    return Aligner(hidden=16, base=64, finest=57.6)
