"""A network's input: an RGB frame as a batch of one, against the mean and deviation of the pictures
that the network learned from."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor


def picture_of(
    frame: UInt8[np.ndarray, "h w 3"], device: torch.device | None = None
) -> Float[Tensor, "1 3 h w"]:
    """An RGB frame in levels of 255. device: the CPU if not given."""
    return torch.from_numpy(frame).to(device).permute(2, 0, 1)[None].float()


def normalized(
    picture: Float[Tensor, "1 3 h w"],
    mean: tuple[float, float, float],
    deviation: tuple[float, float, float],
) -> Float[Tensor, "1 3 h w"]:
    """The picture against a mean and a deviation of each channel, in the picture's units."""
    middle, unit = (
        torch.tensor(values, device=picture.device).view(1, 3, 1, 1) for values in (mean, deviation)
    )
    return (picture - middle) / unit
