"""Seen codes: the lip codes that a person was seen with, near which predictions are kept."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.ops.statistics import deviations

MAX_FROM_SEEN = 2.0
"""Deviations. Codes far from all seen ones tore the skin around wide-open lips; lips on the
person's own held-out speech stay as they were."""


@final
class SeenCodes:
    """Codes that a person was seen with, in their deviations."""

    def __init__(self, seen: Float[Tensor, "s k"]) -> None:
        self.size = deviations(seen) if len(seen) > 1 else seen.new_ones(seen.shape[1])
        self._seen = seen
        self.scaled = seen / self.size

    def clamp(self, code: Float[Tensor, "f k"]) -> Float[Tensor, "f k"]:
        """Codes no farther than MAX_FROM_SEEN from a smooth mean of the nearest seen ones, so that
        nothing jumps. Unchanged where none were seen."""
        if not len(self._seen):
            return code
        near = nearness(torch.cdist(code / self.size, self.scaled)) @ self._seen
        return near + (code - near) * share_kept((code - near) / self.size)


def nearness(apart: Float[Tensor, "*b s"]) -> Float[Tensor, "*b s"]:
    """Weights of the mean of nearest seen codes. apart: deviations to each of them."""
    return torch.softmax((apart.amin(-1, keepdim=True).square() - apart.square()) / 2, dim=-1)


def share_kept(away: Float[Tensor, "*b k"]) -> Float[Tensor, "*b 1"]:
    """How much stays of the way from that mean to a code, in deviations."""
    return (MAX_FROM_SEEN / away.norm(dim=-1, keepdim=True).clamp_min(1e-6)).clamp(max=1)
