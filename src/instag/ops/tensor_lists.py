"""Lists of tensors changed in a few launches each, not one a tensor: Torch's `_foreach` functions,
which its type hints leave out."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Iterable

import torch
from torch import Tensor


def copy_each(targets: Iterable[Tensor], sources: Iterable[Tensor]) -> None:
    """Give each target the values of its source."""
    torch._foreach_copy_(list(targets), list(sources))


def move_each(targets: Iterable[Tensor], goals: Iterable[Tensor], share: float) -> None:
    """Move each target toward its goal by a share of the way."""
    torch._foreach_lerp_(list(targets), list(goals), share)


def add_each(targets: Iterable[Tensor], changes: Iterable[Tensor], share: float) -> None:
    """Add `share` times its change to each target."""
    torch._foreach_add_(list(targets), list(changes), alpha=share)


def times_each(values: Iterable[Tensor], share: float) -> list[Tensor]:
    """New tensors: `share` times each value."""
    return list(torch._foreach_mul(list(values), share))
