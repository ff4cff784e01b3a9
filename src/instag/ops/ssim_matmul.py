"""SSIM for GPUs: the twin of ssim.ssim_map_torch whose blurs are products with small banded
matrices.

Grouped convolutions of eleven taps run at a hundredth of what a GPU can do; they took half of its
time in training.
"""

from functools import cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

REACH = 5
"""Pixels that the window's taps reach to each side."""
TILE = 64
WINDOW = TILE + 2 * REACH + 2
"""Pixels from which a tile is blurred. Two more than necessary: rows of a multiple of four numbers
are read faster."""
_C1, _C2 = 0.01**2, 0.03**2
AT_ONCE = 2**21
"""Numbers of a picture that are compared at once: what SSIM remembers of each takes thirty times
its memory."""


@torch.no_grad()
def ssim_map_products(
    x: Float[Tensor, "b h w c"], y: Float[Tensor, "b h w c"]
) -> Float[Tensor, "b h w c"]:
    """What ssim.ssim_map_torch computes, on any device, without gradients."""
    values, _ = _compared(_planes(x), _planes(y), slopes=False)
    return _pictures(values, len(x))


def ssim_products(x: Float[Tensor, "b h w c"], y: Float[Tensor, "b h w c"]) -> Float[Tensor, ""]:
    """The mean of the same, with gradients."""
    return _MeanSsim.apply(x, y)  # pyright: ignore[reportReturnType]


class _MeanSsim(torch.autograd.Function):
    """Some frames at a time, each with its gradients: of a mean they do not depend on what comes
    after it."""

    @staticmethod
    def forward(ctx, x, y):
        frames = max(1, AT_ONCE // max(1, x[0].numel()))
        pairs = zip(x.split(frames), y.split(frames), strict=True)
        sums, by_x, by_y = zip(
            *(_summed(*pair, ctx.needs_input_grad) for pair in pairs), strict=True
        )
        ctx.save_for_backward(*(_joined(parts, x.numel()) for parts in (by_x, by_y)))
        return torch.stack(sums).sum() / x.numel()

    @staticmethod
    def backward(ctx, *gradients):
        return tuple(None if slope is None else slope * gradients[0] for slope in ctx.saved_tensors)


def _summed(
    x: Float[Tensor, "b h w c"], y: Float[Tensor, "b h w c"], wanted: tuple[bool, bool]
) -> tuple[Float[Tensor, ""], Tensor | None, Tensor | None]:
    """The sum over some frames, and its derivatives by both pictures, where they are wanted."""
    one, other = _planes(x), _planes(y)
    values, slopes = _compared(one, other, slopes=wanted[0])
    by_x = _pictures(_returned(one, other, slopes), len(x)) if wanted[0] else None
    # SSIM is symmetric: the derivative by y is that by x with the two exchanged.
    by_y = (
        _pictures(_returned(other, one, _compared(other, one, slopes=True)[1]), len(x))
        if wanted[1]
        else None
    )
    return values.sum(), by_x, by_y


def _joined(parts: tuple[Tensor | None, ...], count: int) -> Tensor | None:
    """The derivatives of a mean over so many numbers, by all frames."""
    known = [part for part in parts if part is not None]
    return torch.cat(known) / count if known else None


def _planes(pictures: Float[Tensor, "b h w c"]) -> Float[Tensor, "p h w"]:
    return pictures.movedim(-1, 1).reshape(-1, *pictures.shape[1:3])


def _pictures(planes: Float[Tensor, "p h w"], frames: int) -> Float[Tensor, "b h w c"]:
    """The inverse of `_planes`."""
    return planes.view(frames, -1, *planes.shape[1:]).movedim(1, -1)


def _compared(
    x: Float[Tensor, "p h w"], y: Float[Tensor, "p h w"], *, slopes: bool
) -> tuple[Float[Tensor, "p h w"], Float[Tensor, "k p h w"]]:
    """SSIM and, where `slopes`, its three derivatives by the means of x, x x and x y around each
    pixel."""
    mean_x, mean_y, square_x, square_y, product = blurred(
        torch.cat([x, y, x * x, y * y, x * y])
    ).view(5, *x.shape)
    means, squares = mean_x * mean_y, torch.addcmul(mean_y * mean_y, mean_x, mean_x)
    bright, alike = 2 * means + _C1, 2 * (product - means) + _C2
    below, spread = squares + _C1, square_x + square_y - squares + _C2
    scale = 1 / (below * spread)
    value = bright * alike * scale
    if not slopes:
        return value, value.new_empty(0, *value.shape)
    by_mean = 2 * scale * (mean_y * (alike - bright) - value * mean_x * (spread - below))
    return value, torch.stack([by_mean, -value * below * scale, 2 * bright * scale])


def _returned(x: Tensor, y: Tensor, slopes: Float[Tensor, "3 p h w"]) -> Float[Tensor, "p h w"]:
    """The derivatives blurred back to the pixels of x: the blur is its own adjoint."""
    mean, square, product = blurred(slopes.flatten(0, 1)).view(slopes.shape)
    return mean + 2 * x * square + y * product


def blurred(planes: Float[Tensor, "p h w"]) -> Float[Tensor, "p h w"]:
    """Weighted means in windows of 11 x 11 pixels; outside is 0. No gradient goes through it."""
    count, height, width = planes.shape
    weights = band(planes.dtype, planes.device)
    down, across = -(-height // TILE), -(-width // TILE)
    tall = F.pad(planes, (0, 0, REACH, down * TILE + WINDOW - TILE - REACH - height))
    strips = tall.unfold(1, WINDOW, TILE).mT.reshape(-1, WINDOW, width)
    rows = torch.bmm(weights.expand(len(strips), -1, -1), strips).view(count, down * TILE, width)[
        :, :height
    ]
    wide = F.pad(rows, (REACH, across * TILE + WINDOW - TILE - REACH - width))
    return (
        (wide.unfold(2, WINDOW, TILE).reshape(-1, WINDOW) @ weights.T)
        .view(count, height, across * TILE)[..., :width]
        .contiguous()
    )


@cache
def band(dtype: torch.dtype, device: torch.device) -> Float[Tensor, "t w"]:
    """The matrix that blurs a window of pixels into its tile; made once."""
    place = (
        torch.arange(WINDOW, dtype=dtype, device=device)
        - torch.arange(TILE, dtype=dtype, device=device)[:, None]
        - REACH
    )
    taps = torch.exp(-0.5 * (place / 1.5) ** 2) * (place.abs() <= REACH)
    return taps / taps.sum(1, keepdim=True)
