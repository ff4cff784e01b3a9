"""A packet: successive frames of a speaking head with the sound that is heard while they are
shown."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, UInt8


@final
@dataclass(frozen=True, kw_only=True)
class Packet:
    """Nobody changes its arrays any more.

    first: number of the first frame, counted from 0 since the head began to speak. frames: RGB.
    sound: mono, 16 kHz, in [-1, 1], exactly 640 samples a frame; silence after the end of what was
    pushed.
    """

    first: int
    frames: UInt8[np.ndarray, "b h w 3"]
    sound: Float[np.ndarray, " samples"]

    def __len__(self) -> int:
        """Frames."""
        return len(self.frames)
