"""ClipTables: what a clip holds of all its frames together, and how track.npz and au.csv store
it."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.observed import LANDMARKS, Track
from instag.runtime.array_files import read_arrays, write_arrays
from instag.runtime.files import write_atomic
from instag.runtime.picture_file import MOST_SIDE
from instag.runtime.untrusted import check_array, check_rotations, read_text, real_number

ActionUnits = dict[str, Float[np.ndarray, " f"]]
"""Strengths, 0 to 5, by OpenFace's names without `_r`: {"AU01": [...], ...}."""


@final
@dataclass(frozen=True, kw_only=True)
class ClipTables:
    """backdrop: RGB."""

    track: Track
    action_units: ActionUnits
    backdrop: UInt8[np.ndarray, "h w 3"]


def read_track(path: Path, frames: int) -> Track:
    """Raises ValueError where it is not of so many frames, or of no head."""
    stored = read_arrays(path)
    focal = float(stored["focal"])
    track = Track(**{**stored, "focal": focal})  # pyright: ignore[reportArgumentType]
    for name, shape in (
        ("rotations", (frames, 3, 3)),
        ("translations", (frames, 3)),
        ("landmarks", (frames, LANDMARKS, 3)),
        ("landmarks68", (frames, 68, 2)),
        ("identity", (LANDMARKS, 3)),
    ):
        check_array(name, getattr(track, name), shape)
    check_array("found", track.found, (frames,), "b")
    check_rotations("the pose", track.rotations)
    real_number("focal", track.focal, 1.0, 100.0 * MOST_SIDE)
    return track


def write_track(path: Path, track: Track) -> None:
    """Raises DiskFull, NotWritable."""
    write_arrays(path, **{name: np.asarray(value) for name, value in vars(track).items()})


def read_action_units(path: Path, frames: int) -> ActionUnits:
    """The columns of strengths. Raises ValueError where it is no table of so many rows."""
    rows = list(csv.reader(io.StringIO(read_text(path), newline="")))
    names = [name.strip() for name in rows[0]]
    table = np.array(rows[1:], dtype=np.float32)
    check_array("the table", table, (frames, len(names)))
    return {
        name[:-2]: table[:, column]
        for column, name in enumerate(names)
        if name.startswith("AU") and name.endswith("_r")
    }


def write_action_units(
    path: Path, table: ActionUnits, success: Bool[np.ndarray, " f"], fps: float
) -> None:
    """In OpenFace's columns. success: where a face was found. Raises DiskFull, NotWritable."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["frame", "timestamp", "confidence", "success", *(f"{name}_r" for name in table)]
    )
    for index in range(len(success)):
        seen = int(success[index])
        writer.writerow(
            [
                index + 1,
                f"{index / fps:.3f}",
                f"{0.98 * seen:.2f}",
                seen,
                *(f"{column[index]:.2f}" for column in table.values()),
            ]
        )
    write_atomic(path, text.getvalue())
