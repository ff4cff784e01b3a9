"""The terms that training adds up (docs/method.md#pre-training, #adaptation). Pictures are
channels-last floats in [0, 1]; every term is a mean, without a unit."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from instag.models.face_field import Deformation
from instag.ops.ssim import ssim

DSSIM_WEIGHT = 0.2


def photometric(
    picture: Float[Tensor, "b h w 3"], target: Float[Tensor, "b h w 3"]
) -> Float[Tensor, ""]:
    """L1 + 0.2 (1 - SSIM)."""
    return (picture - target).abs().mean() + DSSIM_WEIGHT * (1 - ssim(picture, target))


def alpha_error(
    alphas: Float[Tensor, "b h w"], wanted: Float[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    """Mean |alpha - wanted|: opaque inside, transparent outside, and between them where an outline
    is soft."""
    return (alphas - wanted).abs().mean()


def motion_size(motion: Deformation) -> Float[Tensor, ""]:
    """Mean absolute value of each motion output."""
    return _mean_size(motion.shift) + _mean_size(motion.rotation) + _mean_size(motion.scale)


def _mean_size(values: Tensor) -> Float[Tensor, ""]:
    """Mean absolute value, by fewer operations than abs and mean."""
    return torch.linalg.vector_norm(values, 1, dim=tuple(range(values.dim()))) / values.numel()


def within(values: Float[Tensor, "b h w"], mask: Bool[Tensor, "b h w"]) -> Float[Tensor, ""]:
    """Mean over the pixels of a mask; 0 where it is empty."""
    return (values * mask).sum() / mask.sum().clamp_min(1)


def normal_agreement(
    normals: Float[Tensor, "b h w 3"], prior: Float[Tensor, "b h w 3"], mask: Bool[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    """Mean of 1 - <n, n_prior> over the mask."""
    return within(1 - (normals * prior).sum(-1), mask)


def depth_agreement(
    depth: Float[Tensor, "b h w"], prior: Float[Tensor, "b h w"], mask: Bool[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    """Mean |norm(depth) - norm(prior)| over the mask, norm = minus the row's mean, over the row's
    standard deviation, within the mask."""
    return within((_row_norm(depth, mask) - _row_norm(prior, mask)).abs(), mask)


def _row_norm(depth: Float[Tensor, "b h w"], mask: Bool[Tensor, "b h w"]) -> Float[Tensor, "b h w"]:
    count = mask.sum(-1, keepdim=True).clamp_min(1)
    mean = (depth * mask).sum(-1, keepdim=True) / count
    centred = (depth - mean) * mask
    # (1 mm)^2 keeps rows of a few pixels, whose deviation is nearly zero, from dominating, and the
    # root's gradient finite.
    return centred / (centred.square().sum(-1, keepdim=True) / count + 1e-6).sqrt()
