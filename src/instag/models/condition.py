"""What drives a frame: the speech around it and the expression of the upper face."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

EXPRESSION_UNITS = ("AU01", "AU04", "AU05", "AU06", "AU07", "AU45")
"""The action units that drive the face, OpenFace intensities 0..5; AU45, the blink, is clipped to [0, 2] (METHOD 3)."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Speech windows and action units of a batch of frames."""

    speech: Float[Tensor, "b 8 channels steps"]
    expression: Float[Tensor, "b 6"]
