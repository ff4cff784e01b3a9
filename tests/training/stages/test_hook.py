"""The hook of pictured frames, read at ranks."""

import torch

from instag.models.mouth_field import hook_values
from instag.training.stages.hook import HIGHEST_RANK, LOWEST_RANK, HookReader

ROWS = torch.tensor([2, 0, 1])


def reader(points: int) -> HookReader:
    """Of three frames: highest shifts that fall from rank to rank, lowest ones that rise."""
    fall = torch.arange(points, 0, -1).float()
    frames = torch.arange(1.0, 4.0)[:, None]
    return HookReader(extremes=torch.stack([frames * fall, -frames * fall], dim=1) * 1e-4)


def test_the_strongest_shifts_are_those_of_the_lowest_rank() -> None:
    found = reader(60).strongest(ROWS)
    torch.testing.assert_close(found, reader(60).extremes[ROWS, :, LOWEST_RANK - 1])


def test_training_reads_at_ranks_of_its_range() -> None:
    hooks, noise = reader(60), torch.Generator().manual_seed(0)
    at = [hooks.at_rank(ROWS, rank) for rank in range(LOWEST_RANK, HIGHEST_RANK)]
    possible = torch.stack(at)
    for _ in range(20):
        found = hooks.moves(ROWS, noise)
        apart = (possible - found).abs().amax(-1)
        assert (apart.amin(0) < 1e-7).all()


def test_few_points_have_their_highest_rank() -> None:
    hooks = reader(4)
    last = hook_values(*hooks.extremes[ROWS, :, 3].unbind(1))
    torch.testing.assert_close(hooks.at_rank(ROWS, 30), last)
    torch.testing.assert_close(hooks.moves(ROWS, torch.Generator().manual_seed(0)), last)
