"""Lists of tensors: the same, bit for bit, as one tensor after the other."""

import torch
from torch import Tensor

from instag.ops.tensor_lists import add_each, copy_each, move_each, times_each

SHARE = 0.37


def some(seed: int) -> list[Tensor]:
    noise = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=noise) for shape in ((3,), (2, 5), (), (4, 1, 2))]


def same(found: list[Tensor], expected: list[Tensor]) -> bool:
    return all(map(torch.equal, found, expected)) and len(found) == len(expected)


def test_copied() -> None:
    targets = some(0)
    copy_each(targets, some(1))
    assert same(targets, some(1))


def test_moved() -> None:
    targets = some(0)
    move_each(iter(targets), iter(some(1)), SHARE)
    assert same(
        targets, [one.lerp(other, SHARE) for one, other in zip(some(0), some(1), strict=True)]
    )


def test_added() -> None:
    targets = some(0)
    add_each(targets, some(1), SHARE)
    assert same(
        targets, [one.add(other, alpha=SHARE) for one, other in zip(some(0), some(1), strict=True)]
    )


def test_multiplied() -> None:
    values = some(0)
    assert same(times_each(values, SHARE), [value * SHARE for value in values])
    assert same(values, some(0))
