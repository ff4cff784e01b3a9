"""SSIM: structural similarity of pictures, in windows weighted by a Gaussian of 11 x 11 pixels
(Wang et al. 2004)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from instag.ops.simd import COUNT
from instag.ops.ssim_matmul import ssim_map_products, ssim_products
from instag.ops.ssim_numba import ssim_map_fast

_C1, _C2 = 0.01**2, 0.03**2


def ssim(x: Float[Tensor, "b h w c"], y: Float[Tensor, "b h w c"]) -> Float[Tensor, ""]:
    """The mean of `ssim_map`."""
    return ssim_map(x, y).mean() if x.device.type == "cpu" else ssim_products(x, y)


def ssim_map(x: Float[Tensor, "b h w c"], y: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
    """SSIM around each pixel and channel, at most 1, of pictures in [0, 1]; outside them is
    black, as in 3DGS. On a GPU it has no gradients; `ssim` has."""
    if x.device.type != "cpu":
        return ssim_map_products(x, y)
    fast = x.dtype == y.dtype == torch.float32 and x.shape[2] * x.shape[3] >= COUNT
    return ssim_map_fast(x, y) if fast else ssim_map_torch(x, y)


def ssim_map_torch(
    x: Float[Tensor, "b h w c"], y: Float[Tensor, "b h w c"]
) -> Float[Tensor, "b h w c"]:
    """The same in plain torch, on any device."""
    x, y = x.movedim(-1, 1), y.movedim(-1, 1)
    channels = x.shape[1]
    taps = torch.exp(-0.5 * (torch.arange(-5, 6, dtype=x.dtype, device=x.device) / 1.5) ** 2)
    taps = (taps / taps.sum()).expand(5 * channels, 1, 1, 11)
    planes = torch.cat([x, y, x * x, y * y, x * y], 1)
    planes = F.conv2d(
        F.conv2d(planes, taps, padding=(0, 5), groups=5 * channels),
        taps.mT,
        padding=(5, 0),
        groups=5 * channels,
    )
    mean_x, mean_y, square_x, square_y, product = planes.split(channels, 1)
    variance_x, variance_y, covariance = (
        square_x - mean_x * mean_x,
        square_y - mean_y * mean_y,
        product - mean_x * mean_y,
    )
    likeness = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    return (
        likeness / ((mean_x * mean_x + mean_y * mean_y + _C1) * (variance_x + variance_y + _C2))
    ).movedim(1, -1)
