"""Action units of a whole clip, from its tracked landmarks."""

from instag.data.clip import Clip
from instag.perception.action_units import action_units
from instag.runtime.progress import Report, silent


def measure_action_units(clip: Clip, report: Report = silent) -> None:
    """Write au.csv from track.npz."""
    track = clip.track()
    clip.save_action_units(action_units(track, clip.info.width, clip.info.height), track.found)
    report(1, 1)
