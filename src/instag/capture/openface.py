"""OpenFace tables: action units of a CSV that OpenFace's FeatureExtraction wrote, resampled to a
clip's frames.

Columns are found by name, with or without the space that OpenFace 2.0 writes before each. Frames in
which OpenFace lost the face are interpolated. A table of another frame rate is interpolated at the
clip's times (OpenFace wiki, "Output Format": `frame` counts from 1, `timestamp` is in seconds from
the video's start, and 0 for lists of images).
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from instag.capture.delimited_table import cells, decode, number
from instag.data.clip import Clip
from instag.errors import BadArgument, TableMismatch
from instag.runtime.progress import Report, silent
from instag.runtime.untrusted import parsing, read_at_most
from instag.types import FPS

REQUIRED = ("AU01", "AU04", "AU05", "AU06", "AU07", "AU25", "AU45")
"""Action units that training uses (docs/method.md#networks, #pre-training)."""
MOST_TABLE = 2**30
"""Bytes of a table: an hour of OpenFace's 714 columns has 0.5 GiB."""
LARGEST_FRAME = 1e9
"""A number of a frame above it is none."""
MIN_CONFIDENCE = 0.5
"""OpenFace's confidence below which a frame counts as failed, even if its `success` is 1."""
SLACK_FRAMES = 5
"""Frames by which a table may be shorter than the clip: decoders differ at the end of a video."""
MIN_GOOD_SHARE = 0.5
"""Least share of frames in which OpenFace must have found the face."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A table as in the file, one row a frame, by frame number. seconds: None where the table has
    no times. good: rows with a face."""

    numbers: Int[np.ndarray, " r"]
    seconds: Float[np.ndarray, " r"] | None
    good: Bool[np.ndarray, " r"]
    units: dict[str, Float[np.ndarray, " r"]]


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
        name: np.interp(times, good, values[rows.good]).astype(np.float32)
        for name, values in rows.units.items()
    }
    nearest = np.searchsorted((at[1:] + at[:-1]) / 2, times)
    return ActionUnits(
        units=units, success=rows.good[nearest] & (np.abs(at[nearest] - times) < 1 / FPS)
    )


def read_rows(path: Path) -> Rows:
    """The rows of one face in a table. Raises BadArgument, TableMismatch."""
    if not path.is_file():
        raise BadArgument(
            f"There is no file {path}. Give the CSV that OpenFace's FeatureExtraction wrote: --au "
            "FILE"
        )
    remedy = "Give the CSV that FeatureExtraction wrote."
    with (
        parsing(path, "a table of OpenFace's", remedy, error=TableMismatch),
        path.open("rb") as file,
    ):
        lines = cells(decode(read_at_most(file, MOST_TABLE, path.name)))
    header = [name.strip() for name in lines[0]] if lines else []
    column = {name: place for place, name in enumerate(header)}
    missing = [f"{name}_r" for name in REQUIRED if f"{name}_r" not in column]
    if missing and any(re.fullmatch(r"AU\d\d", name) for name in header):
        raise TableMismatch(
            f"{path} has columns AU01, AU02 ... without _r, as py-feat writes them from 0 to 1, "
            "and OpenFace from 0 to 5 with AU45. Give a CSV of OpenFace's "
            "FeatureExtraction (-aus), or leave out --au: action units are then measured here."
        )
    if missing:
        raise TableMismatch(
            f"{path} has no column {', '.join(missing)}. Run OpenFace's FeatureExtraction with "
            "action units (-aus), and give its CSV."
        )
    if len(lines) < 2:
        raise TableMismatch(
            f"{path} has columns and no rows. Run OpenFace's FeatureExtraction again."
        )
    table = _numbers(lines[1:], len(header), path)
    table = _one_face(table, column)
    places = {
        match[1]: place
        for name, place in column.items()
        if (match := re.fullmatch(r"(AU\d\d)_r", name))
    }
    units = {name: table[:, place] for name, place in places.items()}
    good = np.isfinite(np.stack(list(units.values()))).all(0)
    for name, least in (("success", 0.5), ("confidence", MIN_CONFIDENCE)):
        if name in column:
            good &= table[:, column[name]] >= least
    numbers = table[:, column["frame"]] if "frame" in column else np.arange(1, len(table) + 1)
    if not (np.isfinite(numbers) & (np.abs(numbers) < LARGEST_FRAME)).all():
        raise TableMismatch(
            f"{path} has a row whose frame is no number. Run OpenFace on the video again."
        )
    seconds = table[:, column["timestamp"]] if "timestamp" in column else None
    order = np.argsort(numbers, kind="stable")
    return Rows(
        numbers=numbers[order].astype(np.int64),
        seconds=None if seconds is None else seconds[order],
        good=np.asarray(good)[order],
        units={name: np.clip(values[order], 0, 5) for name, values in units.items()},
    )


def row_times(rows: Rows, frames: int, path: Path) -> Float[np.ndarray, " r"]:
    """Seconds of each row from the video's start: from the table's times, or from its frame numbers
    where it has no times. Raises TableMismatch."""
    if len(np.unique(rows.numbers)) < len(rows.numbers):
        raise TableMismatch(
            f"{path} has two rows for one frame. Give the CSV of one video: FeatureExtraction -f "
            "VIDEO -aus"
        )
    by_number = (rows.numbers - min(1, rows.numbers[0])) / FPS
    if rows.seconds is None or np.ptp(rows.seconds) == 0:
        if abs(int(rows.numbers[-1] - rows.numbers[0]) + 1 - frames) > SLACK_FRAMES:
            raise TableMismatch(
                f"{path} has no times and {int(rows.numbers[-1])} frames; the clip has {frames} at "
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


def _numbers(lines: list[list[str]], width: int, path: Path) -> Float[np.ndarray, "r c"]:
    """The table's cells; NaN where a cell is no number (OpenFace writes -nan(ind) for failed
    frames)."""
    table = np.full((len(lines), width), np.nan)
    for row, line in enumerate(lines):
        if len(line) < width:
            raise TableMismatch(
                f"Row {row + 2} of {path} has {len(line)} of {width} columns: the file was cut "
                "off. Run OpenFace again."
            )
        for place, cell in enumerate(line[:width]):
            try:
                table[row, place] = number(cell)
            except ValueError:
                continue
    return table


def _one_face(table: Float[np.ndarray, "r c"], column: dict[str, int]) -> Float[np.ndarray, "s c"]:
    """One row a frame, where OpenFace tracked several faces: of those in the frame the one that is
    in most frames. Trackers give a face a new number once they have lost it."""
    place = next((column[name] for name in ("frame", "timestamp") if name in column), None)
    if "face_id" not in column or place is None:
        return table
    _, face, counts = np.unique(
        table[:, column["face_id"]], return_inverse=True, return_counts=True
    )
    order = np.lexsort((-counts[face], table[:, place]))
    _, first = np.unique(table[order, place], return_index=True)
    return table[np.sort(order[first])]
