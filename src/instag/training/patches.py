"""LPIPS on a random patch: the perceptual loss of a small square is cheap and sharpens as well as
that of the whole picture."""

import torch
from jaxtyping import Float
from torch import Tensor

from instag.ops.lpips import Lpips


def perceptual(
    lpips: Lpips,
    picture: Float[Tensor, "b h w 3"],
    target: Float[Tensor, "b h w 3"],
    sides: tuple[int, int],
    generator: torch.Generator,
) -> Float[Tensor, ""]:
    """Mean LPIPS of one square patch, at one place for the whole batch, with a side drawn from
    `sides` (pixels, both ends included)."""
    height, width = picture.shape[1:3]
    draw = lambda end: int(torch.randint(end, (), generator=generator))  # noqa: E731
    side = min(sides[0] + draw(sides[1] - sides[0] + 1), height, width)
    top, left = draw(height - side + 1), draw(width - side + 1)
    cut = (slice(None), slice(top, top + side), slice(left, left + side))
    return lpips(picture[cut], target[cut]).mean()
