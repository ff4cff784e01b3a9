"""The screen: what everything that a stage must not learn is painted with, in the picture and in
its target.

The paper's screen is green, and splats that turn green are removed. A screen of another colour in
each step needs no such hunt: what can not be foreseen can not be learned, and whatever lets it
shine through is punished, so that hair ends opaque and its edge clean.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Screen = Literal["green", "random"]


def screen_colour(
    screen: Screen | Literal["black"], frames: int, noise: torch.Generator
) -> Float[Tensor, "b 1 1 3"]:
    """The colour behind each frame of a step, RGB in [0, 1], on the device of `noise`."""
    if screen == "random":
        return torch.rand(frames, 1, 1, 3, generator=noise, device=noise.device)
    colour = torch.zeros(frames, 1, 1, 3, device=noise.device)
    colour[..., 1] = float(screen == "green")
    return colour
