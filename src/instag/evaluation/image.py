"""Image metrics of a picture against the true one: PSNR, SSIM and LPIPS."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.errors import BadArgument
from instag.evaluation.crops import Box, Place
from instag.evaluation.not_measured import NotMeasured
from instag.ops.lpips import Lpips
from instag.ops.ssim import ssim_map

PERFECT_DB = 100.0
"""PSNR of equal pictures, whose logarithm is infinite, and upper limit of all."""
WINDOW_RADIUS = 5
"""Radius in pixels of SSIM's window of 11 x 11."""
LPIPS_MIN_SIDE = 32
"""Least side in pixels for LPIPS' five layers."""


@final
@dataclass(frozen=True, kw_only=True)
class ImageMetrics:
    """psnr: dB, more is nearer; NotMeasured for a mean over no frame. ssim: at most 1, more is
    nearer. lpips: 0 for equal pictures, less is nearer."""

    psnr: float | NotMeasured
    ssim: float | NotMeasured
    lpips: float | NotMeasured


def compare_pictures(
    picture: UInt8[np.ndarray, "h w 3"],
    truth: UInt8[np.ndarray, "true_h true_w 3"],
    boxes: Mapping[Place, Box],
    lpips: Lpips | None,
    *,
    device: torch.device | str = "cpu",
) -> dict[Place, ImageMetrics]:
    """PSNR, SSIM and LPIPS of a picture within each box, RGB; each number is that of the two
    pictures cut to the box.

    LPIPS (Zhang et al. 2018, AlexNet v0.1) runs on the box's pixels at their own size. device:
    where it is computed, and where `lpips` lies. Raises BadArgument where the pictures differ in
    size.
    """
    if picture.shape != truth.shape:
        (height, width), (true_height, true_width) = picture.shape[:2], truth.shape[:2]
        raise BadArgument(
            f"A picture of {width}x{height} pixels cannot be compared with a true one of "
            f"{true_width}x{true_height}. Bring both to one size."
        )
    one, other = (
        torch.from_numpy(np.ascontiguousarray(image)).to(device)[None].float() / 255
        for image in (picture, truth)
    )
    errors = (one - other)[0] ** 2
    similarity = ssim_map(one, other)[0]
    return {
        place: ImageMetrics(
            psnr=decibels(float(box.cut(errors).double().mean())),
            ssim=_mean_inside(similarity, box),
            lpips=_distance(one, other, box, lpips),
        )
        for place, box in boxes.items()
    }


def psnr(picture: Float[Tensor, "b h w 3"], truth: Float[Tensor, "b h w 3"]) -> list[float]:
    """Peak signal to noise ratio of each picture in [0, 1], in dB: -10 log10 of the mean squared
    error over pixels and channels, at most 100."""
    return [
        decibels(error)
        for error in (picture - truth).square().mean((1, 2, 3), dtype=torch.float64).tolist()
    ]


def decibels(error: float) -> float:
    """PSNR of a mean squared error of pictures in [0, 1], at most 100."""
    return min(PERFECT_DB, -10 * math.log10(error)) if error > 0 else PERFECT_DB


def _mean_inside(similarity: Float[Tensor, "h w 3"], box: Box) -> float | NotMeasured:
    """SSIM of the cut pictures, from the map of the whole ones: a window inside the box contains
    the same pixels in both. Windows that reach over the edge, which training's own SSIM counts,
    are left out, as in scikit-image."""
    inside = box.cut(similarity)[WINDOW_RADIUS:-WINDOW_RADIUS, WINDOW_RADIUS:-WINDOW_RADIUS]
    return (
        float(inside.double().mean())
        if inside.numel()
        else NotMeasured(
            f"the box of {box.width}x{box.height} pixels is smaller than SSIM's window"
        )
    )


def _distance(
    picture: Float[Tensor, "1 h w 3"],
    truth: Float[Tensor, "1 h w 3"],
    box: Box,
    lpips: Lpips | None,
) -> float | NotMeasured:
    if lpips is None:
        return NotMeasured(
            "the weights of LPIPS are not on this machine. Get them with: instag assets get lpips"
        )
    if min(box.width, box.height) < LPIPS_MIN_SIDE:
        return NotMeasured(
            f"the box of {box.width}x{box.height} pixels is smaller than the {LPIPS_MIN_SIDE} a "
            "side that LPIPS needs"
        )
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    with torch.inference_mode():
        return float(lpips(picture[:, rows, columns], truth[:, rows, columns]))
