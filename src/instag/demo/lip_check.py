"""The lip check: how well the lips of the demo's video follow the voice."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float

from instag.evaluation.landmarks import LandmarkTracker
from instag.evaluation.lip_sync import CurveSync, curve_sync, lip_curves
from instag.media.reader import read_frames
from instag.runtime.progress import Report, silent


@dataclass(frozen=True, kw_only=True)
class Sync:
    """How well the lips follow the voice. measured, true: aperture of each frame over the eyes'
    distance; NaN without a face."""

    measured: Float[np.ndarray, " f"]
    true: Float[np.ndarray, " f"]
    fit: CurveSync


def measure_sync(video: Path, true: Float[np.ndarray, " f"], report: Report = silent) -> Sync:
    """Measure the lips in a video and compare them with the true apertures (`true`, one a
    frame)."""
    tracker = LandmarkTracker()
    for index, image in enumerate(islice(read_frames(video), len(true))):
        tracker.track(image)
        report(index + 1, len(true))
    aperture = lip_curves(tracker.observed()).aperture
    measured = np.full(len(true), np.nan)
    measured[: len(aperture)] = aperture
    return Sync(measured=measured, true=true, fit=curve_sync(measured, true))
