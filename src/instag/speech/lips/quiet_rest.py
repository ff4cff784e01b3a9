"""Quiet rest: lips come to rest where a voice is silent for longer than a breath, and leave it as
soon as sound comes.

What the networks say of a silent room is small and not nothing (docs/live.md#the-ear)."""

from typing import final

import numpy as np
from jaxtyping import Float

from instag.ops.easing import smoothstep
from instag.speech.loudness import PIECE

QUIET = 0.05
"""Share of the voice's level, 26 dB under it, below which nothing is said."""
BREATH_FRAMES = 10
"""Quiet frames in which lips stay as they are: in pauses for breath they stand open."""
REST_FRAMES, WAKE_FRAMES = 6, 2
"""Frames that the way to rest takes, and the way back."""
STEPS = REST_FRAMES * WAKE_FRAMES


@final
class QuietRest:
    """Frame after frame, the share of the code that the lips follow."""

    def __init__(self) -> None:
        self._quiet, self._awake = BREATH_FRAMES, 0

    def __call__(self, ahead: Float[np.ndarray, " n"], level: float) -> float:
        """ahead: the sound from the frame's first sample to the end of the look-ahead. level: RMS
        of the voice."""
        pieces = ahead[: len(ahead) // PIECE * PIECE].reshape(-1, PIECE)
        loudest = float(np.square(pieces).mean(1).max()) ** 0.5
        self._quiet = self._quiet + 1 if loudest < QUIET * level else 0
        resting = self._quiet > BREATH_FRAMES
        step = -STEPS // REST_FRAMES if resting else STEPS // WAKE_FRAMES
        self._awake = min(STEPS, max(0, self._awake + step))
        return smoothstep(self._awake / STEPS)
