"""OpenFace's tables as they are written: what counts as a number, as a frame, as a face."""

from pathlib import Path

import pytest

from instag.data.openface_table import OpenFaceTable, read_openface_table
from instag.errors import BadArgument, TableMismatch


def read(path: Path, *lines: str) -> OpenFaceTable:
    path.write_text("\n".join(lines))
    return read_openface_table(path, error=BadArgument)


@pytest.mark.parametrize("nothing", ["-nan(ind)", "nan", "-1.#IND", "#NUM!", "N/A", ""])
def test_what_was_not_measured_is_no_good_row(tmp_path: Path, nothing: str) -> None:
    found = read(tmp_path / "au.csv", "frame,AU01_r", "1,0.5", f"2,{nothing}")
    assert found.good.tolist() == [True, False]
    assert found.units["AU01"][0] == 0.5


def test_only_columns_that_count_hold_numbers(tmp_path: Path) -> None:
    rows = ["frame, input, success, confidence, AU01_r, AU01_c, AU28_c"]
    found = read(
        tmp_path / "au.csv", *rows, "1, me.mp4, 1, 0.4, 1, 1, -", "2, me.mp4, 1, 1, 7, 1, x"
    )
    assert set(found.units) == {"AU01"}
    assert found.good.tolist() == [False, True]
    assert found.units["AU01"].tolist() == [1, 7], "strengths stay as they are written"


def test_frames_are_counted_where_they_have_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "au.csv"
    assert read(path, "AU01_r", "3", "4").frames.tolist() == [1, 2]
    timed = read(path, "timestamp,AU01_r", "0.04,2", "0.00,1", "0.04,3")
    assert timed.frames.tolist() == [1, 2, 2]
    assert timed.units["AU01"].tolist() == [1, 2, 3]
    assert timed.doubled == 2


def test_the_main_face_is_the_one_of_most_frames(tmp_path: Path) -> None:
    rows = ["1,0,1", "1,1,5", "2,1,5", "3,1,5", "3,2,1", "4,2,1"]
    both = read(tmp_path / "au.csv", "frame,face_id,AU01_r", *rows)
    assert both.doubled == 1
    one = both.main_face()
    assert one.doubled is None
    assert one.units["AU01"].tolist() == [5, 5, 5, 1]


@pytest.mark.parametrize(
    "lines, message",
    [
        (["frame,AU01_r"], "no rows"),
        (["frame,AU01_r", "1,0.5", "2"], "row 3 has 1 of 2 columns"),
        (["frame,AU01_r", "1,often"], "row 2 has 'often' in column AU01_r"),
        (["frame,AU01_r", "1e12,0"], "frame is no number"),
        (["frame,AU01", "1,0"], "py-feat"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(BadArgument, match=message):
        read(tmp_path / "au.csv", *lines)


def test_the_error_is_the_callers(tmp_path: Path) -> None:
    path = tmp_path / "au.csv"
    path.write_bytes(b"\x00\xff")
    with pytest.raises(TableMismatch, match="not a table"):
        read_openface_table(path, error=TableMismatch)
