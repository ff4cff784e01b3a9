"""OpenFace's action units of a clip: a table that FeatureExtraction wrote, resampled to the clip's
frames.

Frames in which OpenFace lost the face are interpolated. A table of another frame rate is
interpolated at the clip's times.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from instag.data.clip import Clip
from instag.data.openface_table import MIN_CONFIDENCE, OpenFaceTable, read_openface_table
from instag.errors import BadArgument, TableMismatch
from instag.observed import FPS
from instag.runtime.progress import Report, silent

REQUIRED = ("AU01", "AU04", "AU05", "AU06", "AU07", "AU25", "AU45")
"""Action units that training uses (docs/method.md#networks, #pre-training)."""
SLACK_FRAMES = 5
"""Frames by which a table may be shorter than the clip: decoders differ at the end of a video."""
MIN_GOOD_SHARE = 0.5
"""Least share of frames in which OpenFace must have found the face."""


@dataclass(frozen=True, kw_only=True)
class ActionUnits:
    """Intensities 0..5 for each frame of a clip, by OpenFace's names without `_r`. success: False
    where they are interpolated."""

    units: dict[str, Float[np.ndarray, " f"]]
    success: Bool[np.ndarray, " f"]


def copy_openface(path: Path, clip: Clip, report: Report = silent) -> None:
    """Write a clip's au.csv from an OpenFace table. Raises BadArgument, TableMismatch."""
    video = clip.info.stages.get("video")
    shortened = video is not None and video.settings.get("seconds") is not None
    read = read_openface(
        path, len(clip), part=shortened or clip.info.is_part, start=clip.info.first_frame
    )
    clip.save_action_units(read.units, read.success)
    report(1, 1)


def read_openface(path: Path, frames: int, *, part: bool = False, start: int = 0) -> ActionUnits:
    """The table's action units at a clip's frames, `FPS` a second.

    part: the clip is a part of OpenFace's video, so that a longer table is allowed. start: the
    video's frame at which the clip begins. Raises BadArgument (no such file),
    TableMismatch (no OpenFace table, action units missing, too few good frames, another length).
    """
    rows = read_rows(path)
    if rows.good.mean() < MIN_GOOD_SHARE:
        good_rows = int(rows.good.sum())
        raise TableMismatch(
            f"OpenFace found the face surely in only {good_rows} of {len(rows.good)} rows of "
            f"{path}: in the others success is 0, confidence under {MIN_CONFIDENCE:g}, or a value "
            "is missing. Leave out --au, or run OpenFace on a better framed video."
        )
    at = row_times(rows, start + frames, path)
    at = at - start / FPS
    if not part and at[-1] > (frames - 1 + max(SLACK_FRAMES, 0.02 * frames)) / FPS:
        raise TableMismatch(
            f"{path} goes on to {at[-1]:.2f} s and the clip has {frames} frames "
            f"({frames / FPS:.2f} s). It is of another video."
        )
    if at[-1] < (frames - 1 - SLACK_FRAMES) / FPS:
        raise TableMismatch(
            f"{path} ends at {at[-1]:.2f} s and the clip has {frames} frames ({frames / FPS:.2f} "
            "s). Run OpenFace on the same video."
        )
    times = np.arange(frames) / FPS
    good = at[rows.good]
    units = {
        name: np.interp(times, good, values[rows.good].clip(0, 5)).astype(np.float32)
        for name, values in rows.units.items()
    }
    nearest = np.searchsorted((at[1:] + at[:-1]) / 2, times)
    return ActionUnits(
        units=units, success=rows.good[nearest] & (np.abs(at[nearest] - times) < 1 / FPS)
    )


def read_rows(path: Path) -> OpenFaceTable:
    """The rows of one face in a table that has all units of REQUIRED. Raises BadArgument,
    TableMismatch."""
    if not path.is_file():
        raise BadArgument(
            f"There is no file {path}. Give the CSV that OpenFace's FeatureExtraction wrote: --au "
            "FILE"
        )
    rows = read_openface_table(path, error=TableMismatch).main_face()
    missing = [f"{name}_r" for name in REQUIRED if name not in rows.units]
    if missing:
        raise TableMismatch(
            f"{path} has no column {', '.join(missing)}. Run OpenFace's FeatureExtraction with "
            "action units (-aus), and give its CSV."
        )
    return rows


def row_times(rows: OpenFaceTable, frames: int, path: Path) -> Float[np.ndarray, " r"]:
    """Seconds of each row from the video's start: from the table's times, or from its frame numbers
    where it has no times. Raises TableMismatch."""
    if rows.doubled is not None:
        raise TableMismatch(
            f"{path} has two rows for one frame. Give the CSV of one video: FeatureExtraction -f "
            "VIDEO -aus"
        )
    by_number = (rows.frames - min(1, rows.frames[0])) / FPS
    if rows.seconds is None or np.ptp(rows.seconds) == 0:
        if abs(int(rows.frames[-1] - rows.frames[0]) + 1 - frames) > SLACK_FRAMES:
            raise TableMismatch(
                f"{path} has no times and {int(rows.frames[-1])} frames; the clip has {frames} at "
                f"{FPS} a second. Run OpenFace on the video itself (-f VIDEO)."
            )
        return by_number
    if not np.isfinite(rows.seconds).all() or (np.diff(rows.seconds) <= 0).any():
        raise TableMismatch(
            f"The times in {path} do not rise from row to row. Run OpenFace on the video again."
        )
    # OpenFace rounds times to three decimals. Where they fit the clip's own rate, frame numbers are
    # exact.
    return by_number if np.abs(rows.seconds - by_number).max() < 0.5 / FPS else rows.seconds
