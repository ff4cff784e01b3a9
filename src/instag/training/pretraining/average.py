"""The average of a field over the steps of its training, which is steadier than its last step; it
is what a prior keeps (docs/method.md#pre-training)."""

from copy import deepcopy
from typing import TypeVar

import torch
from torch import nn

DECAY = 0.995
"""Share of the average that a step leaves, however many frames it has."""

M = TypeVar("M", bound=nn.Module)


def average_of(module: M) -> M:
    """A copy to begin with, which asks for no gradient."""
    return deepcopy(module).requires_grad_(False)


@torch.no_grad()
def take_in(average: nn.Module, module: nn.Module, step: int) -> None:
    """Move the average toward what the module is after `step` steps; in the first ones by more,
    since its start means nothing."""
    share = 1 - min(DECAY, step / (step + 9))
    torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), share)  # pyright: ignore[reportPrivateImportUsage]
