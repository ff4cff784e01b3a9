"""The terms that training adds up (docs/method.md#pre-training, #adaptation). Pictures are
channels-last floats in [0, 1]; every term is a mean, without a unit."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from instag.models.face_field import Deformation, MotionField
from instag.ops.absolute_error import mean_absolute_error
from instag.ops.perceptual import LEAST_SIDE, PerceptualDistance
from instag.ops.ssim import ssim
from instag.types import Camera, Condition, Rendering

DSSIM_WEIGHT = 0.2
DEPTH_UNIT = 0.01
"""Metres in which spread and roughness of depth are counted. More is no fault of a surface: hair
over skin, a jaw before a neck."""

BackgroundColor = Literal["green", "random", "black"]
"""What everything that a stage must not learn is covered with, in the picture and in its target.

The paper's is green, and splats that turn green are removed. Another colour in each step needs no
such hunt: what can not be foreseen can not be learned, and whatever lets it shine through is
punished, so that hair ends opaque and its edge clean.
"""


def background_color(
    kind: BackgroundColor, frames: int, noise: torch.Generator
) -> Float[Tensor, "b 1 1 3"]:
    """The colour behind each frame of a step, RGB in [0, 1], on the device of `noise`."""
    if kind == "random":
        return torch.rand(frames, 1, 1, 3, generator=noise, device=noise.device)
    color = torch.zeros(frames, 1, 1, 3, device=noise.device)
    color[..., 1] = float(kind == "green")
    return color


def photometric(
    picture: Float[Tensor, "b h w 3"], target: Float[Tensor, "b h w 3"]
) -> Float[Tensor, ""]:
    """L1 + 0.2 (1 - SSIM)."""
    return mean_absolute_error(picture, target) + DSSIM_WEIGHT * (1 - ssim(picture, target))


def patch_distance(
    perceptual: PerceptualDistance,
    picture: Float[Tensor, "b h w 3"],
    target: Float[Tensor, "b h w 3"],
    corner: Int[Tensor, " 2"],
    side: int,
) -> Float[Tensor, ""]:
    """Mean perceptual distance of one square patch, at one place for the whole batch. A small
    square is cheap and sharpens as well as the whole picture. 0 for pictures that are smaller than
    what can be compared.

    corner: top and left, pixels, on the pictures' device. side: pixels; that of smaller pictures is
    taken.
    """
    side = min(side, *picture.shape[1:3])
    if side < LEAST_SIDE:
        return picture.new_zeros(())
    rows, columns = corner[:, None] + torch.arange(side, device=picture.device)
    one, other = (
        image.index_select(1, rows).index_select(2, columns) for image in (picture, target)
    )
    return perceptual(one, other).mean()


def patch_corner(
    height: int, width: int, side: int, generator: torch.Generator
) -> Int[Tensor, " 2"]:
    """Top and left of a patch anywhere in a picture, pixels."""
    places = [length - min(side, height, width) + 1 for length in (height, width)]
    return torch.cat([torch.randint(end, (1,), generator=generator) for end in places])


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


def within_each(values: Float[Tensor, "b h w"], mask: Bool[Tensor, "b h w"]) -> Float[Tensor, ""]:
    """Mean over the pixels of each frame's mask, then over the frames, so that it does not matter
    which frames are in a batch together."""
    return ((values * mask).sum((1, 2)) / mask.sum((1, 2)).clamp_min(1)).mean()


def mean_of(values: Sequence[Tensor]) -> Tensor:
    """The mean of what several people cost."""
    return torch.stack(list(values)).mean()


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
    centered = (depth - mean) * mask
    # (1 mm)^2 keeps rows of a few pixels, whose deviation is nearly zero, from dominating, and the
    # root's gradient finite.
    return centered / (centered.square().sum(-1, keepdim=True) / count + 1e-6).sqrt()


def depth_spread(
    rendering: Rendering,
    squared: Float[Tensor, "b h w"],
    camera: Camera,
    mask: Bool[Tensor, "b h w"],
) -> Float[Tensor, ""]:
    """Mean deviation of the depths that a pixel is mixed from, at most 1 cm, over the mask, cm.
    squared: the squares of `depths_beyond_head` as rendered.

    Gaussians before or behind their neighbours make the same picture from where they were taught,
    and fray where the head turns farther.
    """
    mean = rendering.depths - camera.viewmats[:, 2, 3, None, None]
    variance = squared / rendering.alphas.clamp_min(1e-4) - mean.square()
    # (1 mm)^2 keeps the root's gradient finite.
    spread = (variance.clamp_min(0) + 1e-6).sqrt()
    return within((spread / DEPTH_UNIT).clamp_max(1), mask)


def depth_roughness(
    depth: Float[Tensor, "b h w"], prior: Float[Tensor, "b h w"], mask: Bool[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    """How far depth less its prior differs between neighbouring pixels, at most 1 cm each, mean
    over the pairs within the mask, across plus down, cm."""
    apart = (depth - prior) / DEPTH_UNIT
    across, down = apart.diff(dim=2), apart.diff(dim=1)
    beside, below = mask[:, :, 1:] & mask[:, :, :-1], mask[:, 1:] & mask[:, :-1]
    return within(across.abs().clamp_max(1), beside) + within(down.abs().clamp_max(1), below)


def negative_contrast(
    shift: Float[Tensor, "b n 3"],
    rivals: Sequence[MotionField],
    points: Float[Tensor, "n 3"],
    condition: Condition,
) -> Float[Tensor, ""]:
    """Sum over the rivals of the mean over points and frames of relu(<shift, the rival's shift>),
    metres squared; no gradient reaches a rival (docs/method.md#pre-training).

    It keeps personalized fields from agreeing, so that what people have in common ends in the
    universal one.
    """
    total = shift.new_zeros(())
    for rival in rivals:
        with torch.no_grad():
            other = rival(points, condition).shift
        total = total + torch.relu((shift * other).sum(-1)).mean()
    return total
