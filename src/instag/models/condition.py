"""What drives a frame: the speech around it and the expression of the upper face."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

EXPRESSION_UNITS = ("AU01", "AU04", "AU05", "AU06", "AU07", "AU45")
"""The action units that drive the face, OpenFace intensities 0..5; AU45, the blink, is clipped to [0, 2] (METHOD 3)."""
BLINK = 5
"""Column of AU45 in the expression."""
BLINK_LIMIT = 2.0
"""AU45 that counts as closed eyes."""
EYES_OPEN_NEEDED = (2, 4)
"""Columns of the units that only open eyes show, a wide eye and a raised lower lid: they are measured as 0 where eyes are closed."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Speech windows and action units of a batch of frames."""

    speech: Float[Tensor, "b 8 channels steps"]
    expression: Float[Tensor, "b 6"]


def blinked(expression: Float[Tensor, "b 6"], blink: Float[Tensor, " b"]) -> Float[Tensor, "b 6"]:
    """Expressions with another AU45, as they would be measured: closing eyes are neither wide nor narrowed from below."""
    open_share = 1 - (blink / BLINK_LIMIT).clamp(0, 1)
    units = [expression[:, unit] * open_share if unit in EYES_OPEN_NEEDED else expression[:, unit] for unit in range(BLINK)]
    return torch.stack([*units, blink], dim=1)
