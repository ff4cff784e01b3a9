"""Targets: the two pictures that a stage compares, what it rendered and what it is to look like,
with the same colour wherever the stage has nothing to learn."""

import torch
from jaxtyping import Float
from torch import Tensor

from instag.data.frame_batch import FrameBatch
from instag.rendering import compositing
from instag.training.stages.head_pictures_numba import head_pictures_fast
from instag.types import Region, Rendering


def head_pictures(
    frames: FrameBatch,
    rgb: Float[Tensor, "b h w 3"],
    alphas: Float[Tensor, "b h w"],
    color: Float[Tensor, "b 1 1 3"],
    *,
    hair: bool,
) -> tuple[Float[Tensor, "b h w 3"], Float[Tensor, "b h w 3"]]:
    """The rendered head and the one that was seen, over a colour; without hair, that is covered
    in both."""
    if hair and rgb.device.type == "cpu" and rgb.dtype == torch.float32:
        return head_pictures_fast(frames, rgb, alphas, color)
    return head_pictures_torch(frames, rgb, alphas, color, hair=hair)


def head_pictures_torch(
    frames: FrameBatch,
    rgb: Float[Tensor, "b h w 3"],
    alphas: Float[Tensor, "b h w"],
    color: Float[Tensor, "b 1 1 3"],
    *,
    hair: bool,
) -> tuple[Float[Tensor, "b h w 3"], Float[Tensor, "b h w 3"]]:
    """The same in plain torch, on any device."""
    target = frames.head_over(color, hair=hair)
    picture = compositing.over(rgb, alphas, color.expand(rgb.shape))
    return (picture if hair else torch.where(frames.is_hair()[..., None], color, picture)), target


def mouth_pictures(
    frames: FrameBatch, rendering: Rendering, color: Float[Tensor, "b h w 3"]
) -> tuple[Float[Tensor, "b h w 3"], Float[Tensor, "b h w 3"]]:
    """The rendered inside of the mouth and the one that was seen, over a colour. Around the
    opening, inside the lips box, the face will cover what is rendered here: both have the colour
    there."""
    inside = frames.is_region(Region.MOUTH, Region.TEETH)
    target = torch.where(inside[..., None], frames.image.float() / 255, color)
    picture = torch.where(
        (frames.lips & ~inside)[..., None],
        color,
        compositing.over(rendering.colors, rendering.alphas, color),
    )
    return picture, target
