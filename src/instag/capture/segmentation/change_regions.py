"""A clip's regions, changed frame by frame by what its frames show."""

from collections.abc import Callable

import numpy as np
from jaxtyping import UInt8

from instag.data.clip import Clip
from instag.runtime.progress import Report, silent

Change = Callable[[UInt8[np.ndarray, "h w"], UInt8[np.ndarray, "h w 3"]], UInt8[np.ndarray, "h w"]]
"""Other regions for these ones of an RGB frame."""


def change_regions(clip: Clip, change: Change, report: Report = silent) -> None:
    """Write regions/*.png anew."""
    for index in range(len(clip)):
        clip.save_regions(index, change(clip.regions(index), clip.frame(index)))
        report(index + 1, len(clip))
