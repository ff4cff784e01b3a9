"""Front ends heard side by side: the channels of each, one after the other."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.errors import BadArgument
from instag.speech.front_end import FrontEnd


@final
@dataclass(frozen=True)
class Scale:
    """What a front end's values are brought to 0 and 1 by, so that no front end drowns another:
    (value - middle) / spread."""

    middle: float = 0.0
    spread: float = 1.0


SCALES = {"mel": Scale(-2.5, 1.25), "phones": Scale(1 / 42, 0.04)}
"""Means and deviations over speech in seven languages, rounded."""


@final
class Concatenated(FrontEnd):
    """`mel+phones`: what both hear in the same windows. Raises BadArgument where the windows
    differ."""

    def __init__(self, parts: tuple[FrontEnd, ...]) -> None:
        steps = {part.steps for part in parts}
        if len(steps) > 1:
            raise BadArgument(
                f"{' and '.join(part.name for part in parts)} can not be joined: their windows "
                f"have {' and '.join(map(str, steps))} steps."
            )
        self.parts = parts
        self.name = "+".join(part.name for part in parts)
        self.channels = sum(part.channels for part in parts)
        self.steps = parts[0].steps
        self.lookback = max(part.lookback for part in parts)
        self.lookahead = max(part.lookahead for part in parts)
        self.piece = min(part.piece for part in parts)

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "Concatenated":
        """Each part, set to the recording."""
        return Concatenated(tuple(part.calibrated(waveform) for part in self.parts))

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f channels steps"]:
        scales = [SCALES.get(part.name, Scale()) for part in self.parts]
        heard = [
            (part(waveform) - scale.middle) / scale.spread
            for part, scale in zip(self.parts, scales, strict=True)
        ]
        return torch.cat(heard, dim=1)
