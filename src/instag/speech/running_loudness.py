"""Running loudness: the level of a voice that goes on, in place of that of a whole recording
(`speech/loudness.py`)."""

from typing import final

import numpy as np
from jaxtyping import Float

from instag.speech.loudness import ACTIVE_RMS, PIECE

PIECE_S = 0.02
RISE_S, FALL_S, SILENT_FALL_S = 0.25, 3.0, 60.0
"""Seconds in which the level follows a louder voice, a quieter one, and no voice, to a factor of e:
a pause does not make the next word louder."""
LOUDEST_SHARE = 0.8
"""Of the level that follows the loudest pieces, what the louder half of a recording has."""
MIN_LEVEL = 0.005
"""RMS below which nothing is amplified any further: room noise stays quiet."""


@final
class RunningLoudness:
    """Follows the RMS of a voice's louder parts, 20 ms after 20 ms."""

    def __init__(self) -> None:
        self._power = ACTIVE_RMS**2

    @property
    def level(self) -> float:
        """RMS of the louder half of what is said."""
        return max(LOUDEST_SHARE * self._power**0.5, MIN_LEVEL)

    @property
    def gain(self) -> float:
        """The factor that brings the voice to ACTIVE_RMS."""
        return ACTIVE_RMS / self.level

    def follow(self, samples: Float[np.ndarray, " n"], *, spoken: bool) -> None:
        """Hear the next samples, 16 kHz; a rest shorter than 20 ms is ignored. spoken: whether
        somebody speaks there."""
        pieces = samples[: len(samples) // PIECE * PIECE].reshape(-1, PIECE)
        for power in np.square(pieces, dtype=np.float64).mean(1):
            falling = FALL_S if spoken else SILENT_FALL_S
            self._power += (power - self._power) * min(
                1.0, PIECE_S / (RISE_S if power > self._power else falling)
            )
