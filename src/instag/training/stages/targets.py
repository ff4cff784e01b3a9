"""Targets: the two pictures that a stage compares, what it rendered and what it is to look like,
with the same colour wherever the stage has nothing to learn."""

import torch
from jaxtyping import Float
from torch import Tensor

from instag.data.frame_batch import FrameBatch
from instag.rendering import compositing
from instag.types import Region, Rendering


def head_pictures(
    frames: FrameBatch,
    rgb: Float[Tensor, "b h w 3"],
    alphas: Float[Tensor, "b h w"],
    color: Float[Tensor, "b h w 3"],
    *,
    hair: bool,
) -> tuple[Float[Tensor, "b h w 3"], Float[Tensor, "b h w 3"]]:
    """The rendered head and the one that was seen, over a colour; without hair, that is covered
    in both."""
    target = frames.head_over(color, hair=hair)
    picture = compositing.over(rgb, alphas, color)
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
