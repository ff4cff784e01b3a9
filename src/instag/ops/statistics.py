"""Statistics of tables of codes."""

import torch
from jaxtyping import Float
from torch import Tensor


def deviations(codes: Float[Tensor, "f k"]) -> Float[Tensor, " k"]:
    """The standard deviation of each number of these codes. Small ones are noise: none counts for
    less than a tenth of the largest."""
    each = codes.std(0)
    return torch.maximum(each, each.max() / 10).clamp_min(1e-4)
