"""A lip fade: where lip codes jump, the difference is taken back over some frames."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.ops.easing import smoothstep
from instag.types import LIP_CODES

FADE_FRAMES = 3
"""120 ms: from the code at an interruption to the one that follows."""


@final
class LipFade:
    """Passes lip codes on; after `cut` it begins with the last one that was shown."""

    def __init__(self) -> None:
        self._shown, self._apart = torch.zeros(LIP_CODES), torch.zeros(LIP_CODES)
        self._left, self._cut = 0, False

    def cut(self) -> None:
        """The next code does not follow from the last one."""
        self._cut = True

    def __call__(self, code: Float[Tensor, " 12"]) -> Float[Tensor, " 12"]:
        """The code that is shown in the next frame."""
        if self._cut:
            self._apart, self._left, self._cut = self._shown - code, FADE_FRAMES, False
        share = max(0, self._left - 1) / FADE_FRAMES
        self._left = max(0, self._left - 1)
        self._shown = code + self._apart * smoothstep(share)
        return self._shown
