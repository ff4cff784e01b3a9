"""How near a picture is to the true one: PSNR and SSIM on frames in memory, in [0, 1]."""

import math

from jaxtyping import Float
from torch import Tensor

from instag.training.ssim import ssim

PERFECT_DB = 100.0
"""PSNR of equal pictures, whose logarithm has no end."""


def psnr(picture: Float[Tensor, "b h w 3"], truth: Float[Tensor, "b h w 3"]) -> list[float]:
    """Peak signal to noise ratio of each picture in dB, over all its pixels and channels."""
    errors = (picture - truth).square().mean((1, 2, 3)).tolist()
    return [min(PERFECT_DB, -10 * math.log10(error)) if error > 0 else PERFECT_DB for error in errors]


def structural_similarity(picture: Float[Tensor, "b h w 3"], truth: Float[Tensor, "b h w 3"]) -> list[float]:
    """SSIM of each picture (Wang et al. 2004), 11 x 11 Gaussian window."""
    return [float(ssim(one[None], other[None])) for one, other in zip(picture, truth, strict=True)]
