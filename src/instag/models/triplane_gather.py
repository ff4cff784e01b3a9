"""The tri-plane's grids read in a handful of large operations, for devices on which each operation
costs more than its numbers."""

import torch
from jaxtyping import Float
from torch import Tensor


def grids_of(scales: list[float], sizes: list[int]) -> dict[str, Tensor]:
    """The tables that `read_planes_at_once` takes, by the names of its arguments; [plane, level]
    unless stated otherwise.

    picks [2 3 3]: the coordinates that run across and down each plane. starts: where a grid's
    entries begin.
    """
    level = torch.tensor([0, *(size * size for size in sizes)]).cumsum(0)
    picks = torch.zeros(2, 3, 3)
    for plane, (across, down) in enumerate(((0, 1), (1, 2), (0, 2))):
        picks[0, across, plane] = picks[1, down, plane] = 1
    return {
        "picks": picks,
        "scale_table": torch.tensor(scales).expand(3, -1).contiguous(),
        "size_table": torch.tensor(sizes).expand(3, -1).contiguous(),
        "starts": level[:-1] + level[-1] * torch.arange(3)[:, None],
    }


def read_planes_at_once(
    entries: Float[Tensor, " e"],
    units: Float[Tensor, "n 3"],
    picks: Tensor,
    scale_table: Tensor,
    size_table: Tensor,
    starts: Tensor,
) -> Float[Tensor, "n f"]:
    """What triplane.read_planes computes, differentiable in entries and units; the tables are those
    of `grids_of`."""
    tables = picks, scale_table, size_table, starts
    return _Read.apply(entries, units, *tables)  # pyright: ignore[reportReturnType]


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(ctx, entries, units, picks, scales, sizes, starts):
        across, down = ((units @ pick)[..., None] * scales + 0.5 for pick in picks)
        left, top = across.long(), down.long()
        x, y = across - left, down - top
        first = torch.addcmul(starts + left, top, sizes)
        corners = torch.stack([first, first + 1, first + sizes, first + sizes + 1])
        values = entries.index_select(0, corners.flatten()).view(corners.shape)
        upper, lower = torch.lerp(values[0], values[1], x), torch.lerp(values[2], values[3], x)
        ctx.save_for_backward(picks, scales, x, y, corners, values)
        ctx.count = len(entries)
        return torch.lerp(upper, lower, y).flatten(1)

    @staticmethod
    def backward(ctx, *gradients):
        picks, scales, x, y, corners, values = ctx.saved_tensors
        change = gradients[0].reshape(x.shape)
        below = change * y
        above = change - below
        right, below_right = above * x, below * x
        shares = torch.stack([above - right, right, below - below_right, below_right])
        by_entries = (
            change.new_zeros(ctx.count).index_add_(0, corners.flatten(), shares.flatten())
            if ctx.needs_input_grad[0]
            else None
        )
        by_units = None
        if ctx.needs_input_grad[1]:
            scaled = change * scales
            slope_x = torch.lerp(values[1] - values[0], values[3] - values[2], y)
            slope_y = torch.lerp(values[2] - values[0], values[3] - values[1], x)
            by_units = (scaled * slope_x).sum(-1) @ picks[0].T + (scaled * slope_y).sum(-1) @ picks[
                1
            ].T
        return by_entries, by_units, None, None, None, None
