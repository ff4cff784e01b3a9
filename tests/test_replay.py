"""Replay: the same numbers as the work itself."""

import pytest
import torch

from instag.compute import gpu_obstacle
from instag.replay import replayed


def twice(first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return first * 2 + second, first.sum(-1)


@pytest.mark.parametrize("device", ["cpu"] + ["cuda"] * (gpu_obstacle() is None))
def test_replayed_work_is_the_work(device: str):
    first, second = torch.rand(2, 4, 3, device=device)
    work = replayed(twice, first, second)
    for scale in (1.0, 3.0):
        for seen, expected in zip(work(first * scale, second), twice(first * scale, second), strict=True):
            torch.testing.assert_close(seen, expected)
