"""Quality measures of a clip's sound: loudness, noise and clipping."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

STEP = 400
"""Samples (25 ms at 16 kHz) of a loudness measurement."""
FLOOR = 1e-5
TOP = 0.985
"""Amplitude from which a sample is clipped, where a neighbour is, too."""


@final
@dataclass(frozen=True, kw_only=True)
class AudioMeasures:
    """level: dB (full scale is 0) that the loudest twentieth of the sound reaches. span: dB from
    the quietest tenth up to it.

    clipped: share of samples cut off at full scale.
    """

    level: float
    span: float
    clipped: float


def measure_audio(waveform: Float[np.ndarray, " samples"]) -> AudioMeasures:
    """Measure a 16 kHz waveform in [-1, 1] of a second and more."""
    pieces = waveform[: len(waveform) // STEP * STEP].reshape(-1, STEP)
    level = 20 * np.log10(np.sqrt(np.square(pieces).mean(1)) + FLOOR)
    full = np.abs(waveform) >= TOP
    clipped = full[1:-1] & (full[:-2] | full[2:])
    loud, quiet = (float(np.quantile(level, share)) for share in (0.95, 0.1))
    return AudioMeasures(level=loud, span=loud - quiet, clipped=float(clipped.mean()))
