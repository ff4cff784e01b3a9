"""Bad frames: the worst twentieth of a sequence, and those in which something broke."""

from collections.abc import Mapping
from math import ceil

import numpy as np
from jaxtyping import Bool, Float

from instag.evaluation.not_measured import NotMeasured

WORST_SHARE = 0.05
BROKEN_DB = 6.0
"""How far below its own median a part's PSNR lies in a frame in which it broke: four times the
squared error."""


def worst_mean(psnr: Float[np.ndarray, " f"]) -> float | NotMeasured:
    """Mean PSNR of the worst 5 % of the frames that have one, of one frame at least."""
    known = np.sort(psnr[np.isfinite(psnr)])
    if not len(known):
        return NotMeasured("no frame has a value")
    return float(known[: ceil(WORST_SHARE * len(known))].mean())


def broken_frames(
    psnr: Mapping[str, Float[np.ndarray, " f"]],
    prediction: Bool[np.ndarray, " f"],
    truth: Bool[np.ndarray, " f"],
) -> Bool[np.ndarray, " f"]:
    """Frames in which some part is 6 dB below its own median, or in which a face is found in the
    truth alone. psnr: of each part, NaN where it is not seen. prediction, truth: where a face was
    found."""
    broken = truth & ~prediction
    for values in psnr.values():
        if np.isfinite(values).any():
            broken = broken | (values < np.nanmedian(values) - BROKEN_DB)
    return broken
