"""OpenFaceTable: action units as OpenFace's FeatureExtraction writes them into a CSV, or another
program into the same columns.

Columns are found by name, with or without the space that OpenFace 2.0 writes before each, in any
form that a spreadsheet saves (OpenFace wiki, "Output Format": `frame` counts from 1, `timestamp` is
in seconds from the video's start, and 0 for lists of images).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from instag.data.delimited_table import cells, decode, number
from instag.errors import InstagError
from instag.runtime.untrusted import parsing, read_at_most

MOST_TABLE = 2**30
"""Bytes of a table: an hour of OpenFace's 714 columns has 0.5 GiB."""
LARGEST_FRAME = 1e9
"""A number of a frame above it is none."""
MIN_CONFIDENCE = 0.5
"""OpenFace's confidence below which a frame counts as failed, even if its `success` is 1."""
UNIT = re.compile(r"(AU\d\d)_r")
"""The name of a column of strengths."""
OTHER_COLUMNS = ("frame", "timestamp", "face_id", "success", "confidence")
NOTHING = re.compile(r"([-+]?(nan|1\.#\w+)(\(\w*\))?|#.*|n/?a|null|none)?", re.IGNORECASE)
"""A cell of something that was not measured, as OpenFace or a spreadsheet writes it."""


@final
@dataclass(frozen=True, kw_only=True)
class OpenFaceTable:
    """Rows by rising frame number, of which several may be of one frame. seconds, faces: times and
    OpenFace's numbers of faces; None where the table has none. good: rows with a face, surely, and
    all its strengths. units: strengths by OpenFace's names without `_r`, NaN where it wrote
    none."""

    frames: Int[np.ndarray, " r"]
    seconds: Float[np.ndarray, " r"] | None
    faces: Float[np.ndarray, " r"] | None
    good: Bool[np.ndarray, " r"]
    units: dict[str, Float[np.ndarray, " r"]]

    @property
    def doubled(self) -> int | None:
        """The first frame with several rows."""
        again = np.flatnonzero(np.diff(self.frames) == 0)
        return int(self.frames[again[0]]) if len(again) else None

    def rows(self, chosen: Int[np.ndarray, " c"]) -> "OpenFaceTable":
        """Some of the rows."""
        return replace(
            self,
            frames=self.frames[chosen],
            seconds=None if self.seconds is None else self.seconds[chosen],
            faces=None if self.faces is None else self.faces[chosen],
            good=self.good[chosen],
            units={name: values[chosen] for name, values in self.units.items()},
        )

    def main_face(self) -> "OpenFaceTable":
        """One row a frame, where OpenFace tracked several faces: of those in the frame the one that
        is in most frames. Trackers give a face a new number once they have lost it."""
        if self.faces is None:
            return self
        _, face, counts = np.unique(self.faces, return_inverse=True, return_counts=True)
        order = np.lexsort((-counts[face], self.frames))
        _, first = np.unique(self.frames[order], return_index=True)
        return self.rows(order[first])


def read_openface_table(path: Path, *, error: type[InstagError]) -> OpenFaceTable:
    """Raises `error` for a file that is no such table, is cut off, or has something else than a
    number in a column that counts; FileMissing where there is none."""
    remedy = "Give the CSV that OpenFace's FeatureExtraction wrote (-aus)."
    with parsing(path, "a table of OpenFace", remedy, error=error), path.open("rb") as file:
        lines = cells(decode(read_at_most(file, MOST_TABLE, path.name)))
    header, rows = ([_usual(name) for name in lines[0]], lines[1:]) if lines else ([], [])
    if (trouble := _trouble(header, rows)) is not None:
        raise error(f"{path} {trouble}")
    table = {}
    for place, name in enumerate(header):
        if name in OTHER_COLUMNS or UNIT.fullmatch(name):
            try:
                table[name] = _numbers([row[place] for row in rows])
            except ValueError as cause:
                raise error(
                    f"The cells of {path} are not all numbers: {cause} in column {name}. Run "
                    "OpenFace again."
                ) from cause
    frames = _frames(table, len(rows))
    if not (np.isfinite(frames) & (np.abs(frames) < LARGEST_FRAME)).all():
        raise error(f"{path} has a row whose frame is no number. Run OpenFace on the video again.")
    units = {name[:-2]: values for name, values in table.items() if UNIT.fullmatch(name)}
    found = OpenFaceTable(
        frames=frames.astype(np.int64),
        seconds=table.get("timestamp"),
        faces=table.get("face_id"),
        good=_good(table, units),
        units=units,
    )
    return found.rows(np.argsort(frames, kind="stable"))


def _usual(name: str) -> str:
    """A column's name as OpenFace writes it, whatever its case."""
    unit = UNIT.fullmatch(name.upper().replace("_R", "_r"))
    return unit[0] if unit else name.lower() if name.lower() in OTHER_COLUMNS else name


def _trouble(header: list[str], rows: list[list[str]]) -> str | None:
    """What is wrong with the form of a table, and what to do next."""
    if not any(UNIT.fullmatch(name) for name in header):
        if any(re.fullmatch(r"AU\d\d", name) for name in header):
            return (
                "has columns AU01, AU02 ... without _r, as py-feat writes them from 0 to 1, and "
                "OpenFace from 0 to 5 with AU45. Give a CSV of OpenFace's FeatureExtraction "
                "(-aus), or none: action units are then measured here."
            )
        return (
            "is not a table of OpenFace: it has no column AU01_r, AU02_r ... Run OpenFace's "
            "FeatureExtraction with action units (-aus), and give its CSV."
        )
    doubled = [name for name, count in Counter(filter(UNIT.fullmatch, header)).items() if count > 1]
    if doubled:
        return f"has two columns {doubled[0]}. Run OpenFace's FeatureExtraction again."
    if not rows:
        return "has columns and no rows. Run OpenFace's FeatureExtraction again."
    for number_of_row, row in enumerate(rows, 2):
        if len(row) < len(header):
            return (
                f"was cut off: row {number_of_row} has {len(row)} of {len(header)} columns. Run "
                "OpenFace again."
            )
    return None


def _numbers(column: Sequence[str]) -> Float[np.ndarray, " r"]:
    """The numbers in a column; NaN where a cell tells that there is none (OpenFace: -nan(ind)).
    Raises ValueError."""
    values = np.full(len(column), np.nan)
    for row, cell in enumerate(column):
        try:
            values[row] = number(cell)
        except ValueError:
            if not NOTHING.fullmatch(cell):
                raise ValueError(f"row {row + 2} has {cell!r}") from None
    return values


def _frames(table: dict[str, Float[np.ndarray, " r"]], rows: int) -> Float[np.ndarray, " r"]:
    """The number of each row's frame; counted by its time, or by rows, where the table has none."""
    if "frame" in table:
        return table["frame"]
    seconds = table.get("timestamp")
    if seconds is not None and np.ptp(seconds) > 0:
        return np.unique(seconds, return_inverse=True)[1] + 1.0
    return np.arange(1.0, rows + 1)


def _good(
    table: dict[str, Float[np.ndarray, " r"]], units: dict[str, Float[np.ndarray, " r"]]
) -> Bool[np.ndarray, " r"]:
    good = np.isfinite(np.stack(list(units.values()))).all(0)
    for name, least in (("success", 0.5), ("confidence", MIN_CONFIDENCE)):
        if name in table:
            good &= table[name] >= least
    return np.asarray(good)
