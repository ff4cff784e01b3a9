"""The screen: what everything that a stage must not learn is painted with, in the picture and in its target.

The paper's screen is green, and splats that turn green are removed. A screen of another colour in each step needs no such hunt: what can not be
foreseen can not be learned, and whatever lets it shine through is punished, so that hair ends opaque and its edge clean.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Screen = Literal["green", "random"]


def screen_colour(screen: Screen, generator: torch.Generator) -> Float[Tensor, " 3"]:
    """The colour of a step, RGB in [0, 1]."""
    return torch.tensor([0.0, 1.0, 0.0]) if screen == "green" else torch.rand(3, generator=generator)
