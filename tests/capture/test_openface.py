"""OpenFace's tables: columns with and without spaces, failed frames, other frame rates, and what
does not fit."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from instag.capture.openface import REQUIRED, read_openface, read_rows
from instag.errors import BadArgument, TableMismatch

NAMES = (*REQUIRED, "AU12")


def curve(seconds: np.ndarray, name: str) -> np.ndarray:
    return 1.5 + np.sin(seconds * (1 + NAMES.index(name) / 4))


def write(
    path: Path,
    count: int,
    *,
    fps: float = 25.0,
    gap: str = ", ",
    failed: tuple[int, ...] = (),
    times: bool = True,
    faces: int = 1,
) -> Path:
    lines = [
        gap.join(
            [
                "frame",
                "face_id",
                "timestamp",
                "confidence",
                "success",
                *(f"{name}_r" for name in NAMES),
                "AU45_c",
            ]
        )
    ]
    for index in range(count):
        for face in range(faces):
            bad = index in failed
            at = index / fps
            values = [0.0 if bad or face else float(curve(np.array(at), name)) for name in NAMES]
            row = [
                index + 1,
                face,
                f"{at if times else 0:.3f}",
                0.03 if bad else 0.98,
                0 if bad else 1,
                *(f"{value:.4f}" for value in values),
                0,
            ]
            if face == 0 or index < count // 2:
                lines.append(gap.join(map(str, row)))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("gap", [",", ", "])
@pytest.mark.parametrize("times", [True, False])
def test_rows_are_frames_at_the_clips_own_rate(tmp_path: Path, gap: str, times: bool) -> None:
    read = read_openface(write(tmp_path / "au.csv", 60, gap=gap, times=times), 60)
    assert set(read.units) == set(NAMES)
    np.testing.assert_allclose(read.units["AU25"], curve(np.arange(60) / 25, "AU25"), atol=1e-4)
    assert read.success.all()


def test_another_rate_is_read_at_the_clips_times(tmp_path: Path) -> None:
    read = read_openface(write(tmp_path / "au.csv", 120, fps=29.97), 100)
    np.testing.assert_allclose(read.units["AU45"], curve(np.arange(100) / 25, "AU45"), atol=0.01)


def test_failed_frames_are_filled_in_between_and_marked(tmp_path: Path) -> None:
    read = read_openface(write(tmp_path / "au.csv", 60, failed=(0, 20, 21, 59)), 60)
    assert np.flatnonzero(~read.success).tolist() == [0, 20, 21, 59]
    np.testing.assert_allclose(
        read.units["AU01"][1:59], curve(np.arange(1, 59) / 25, "AU01"), atol=0.01
    )
    assert read.units["AU01"][0] == read.units["AU01"][1]


def test_of_several_faces_the_one_seen_longest_counts(tmp_path: Path) -> None:
    read = read_openface(write(tmp_path / "au.csv", 60, faces=2), 60)
    np.testing.assert_allclose(read.units["AU05"], curve(np.arange(60) / 25, "AU05"), atol=1e-4)


def test_a_few_frames_too_few_are_held_and_marked(tmp_path: Path) -> None:
    read = read_openface(write(tmp_path / "au.csv", 58), 60)
    assert np.flatnonzero(~read.success).tolist() == [58, 59]


def test_numbers_that_are_none_count_as_failed(tmp_path: Path) -> None:
    path = write(tmp_path / "au.csv", 60)
    lines = path.read_text().splitlines()
    cells = lines[11].split(",")
    lines[11] = ",".join([*cells[:5], " -nan(ind)", *cells[6:]])
    path.write_text("\n".join(lines))
    assert np.flatnonzero(~read_openface(path, 60).success).tolist() == [10]


def test_a_longer_table_is_of_another_video_unless_the_clip_is_a_part(tmp_path: Path) -> None:
    path = write(tmp_path / "au.csv", 200)
    with pytest.raises(TableMismatch, match=r"goes on to 7\.96 s and the clip has 60 frames"):
        read_openface(path, 60)
    assert len(read_openface(path, 60, part=True).success) == 60


def test_a_shorter_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableMismatch, match=r"ends at 1\.96 s and the clip has 100 frames"):
        read_openface(write(tmp_path / "au.csv", 50), 100)
    with pytest.raises(TableMismatch, match="no times and 50 frames"):
        read_openface(write(tmp_path / "au.csv", 50, times=False), 100)


def test_what_is_no_table_of_openface_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="no file"):
        read_openface(tmp_path / "none.csv", 10)
    path = tmp_path / "x.csv"
    path.write_text("frame, timestamp, AU01_r\n1, 0, 0\n")
    with pytest.raises(TableMismatch, match="no column AU04_r"):
        read_openface(path, 10)
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(TableMismatch, match="not a table"):
        read_openface(path, 10)
    path.write_text("")
    with pytest.raises(TableMismatch, match="no column"):
        read_openface(path, 10)
    whole = write(path, 60).read_text()
    path.write_text(whole[:-20])
    with pytest.raises(TableMismatch, match="cut off"):
        read_openface(path, 60)
    with pytest.raises(TableMismatch, match="only 9 of 60 rows"):
        read_openface(write(path, 60, failed=tuple(range(9, 60))), 60)


@pytest.mark.parametrize(
    ("separator", "point", "encoding", "end"),
    [
        (";", ",", "utf-8-sig", "\r\n"),
        (";", ".", "utf-8", "\n"),
        ("\t", ".", "utf-8", "\n"),
        (", ", ".", "utf-16", "\n"),
    ],
)
def test_tables_that_went_through_a_spreadsheet(
    tmp_path: Path, separator: str, point: str, encoding: str, end: str
) -> None:
    path = write(tmp_path / "au.csv", 60, gap="|")
    text = path.read_text().replace(".", point).replace("|", separator)
    path.write_bytes(text.replace("\n", end).encode(encoding))
    found = read_openface(path, 60)
    np.testing.assert_allclose(found.units["AU25"], curve(np.arange(60) / 25, "AU25"), atol=0.01)
    assert found.success.all()


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_names_of_columns_in_another_case(tmp_path: Path, change: Callable[[str], str]) -> None:
    path = write(tmp_path / "au.csv", 60)
    head, rows = path.read_text().split("\n", 1)
    path.write_text(f"sep=,\n{change(head)}\n{rows}")
    found = read_openface(path, 60)
    np.testing.assert_allclose(found.units["AU25"], curve(np.arange(60) / 25, "AU25"), atol=0.01)


def test_decimal_commas_in_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "au.csv", 60, gap="|")
    rows = [line.split("|") for line in path.read_text().splitlines()]
    quoted = (",".join(f'"{cell.replace(".", ",")}"' for cell in row) for row in rows)
    path.write_text("\n".join(quoted))
    found = read_openface(path, 60)
    np.testing.assert_allclose(found.units["AU25"], curve(np.arange(60) / 25, "AU25"), atol=0.01)


def test_a_face_that_gets_another_number_is_one_face(tmp_path: Path) -> None:
    """An onlooker of other numbers is there for a while."""
    path = write(tmp_path / "au.csv", 60, gap=",", faces=2)
    header, *rows = path.read_text().splitlines()
    cells = [row.split(",") for row in rows]
    kept = [row for row in cells if row[1] == "0" or 10 <= int(row[0]) < 20]
    for row in kept:
        row[1] = "5" if row[1] == "1" else "0" if int(row[0]) < 30 else "1"
    path.write_text("\n".join([header, *(",".join(row) for row in kept)]))
    found = read_openface(path, 60)
    np.testing.assert_allclose(found.units["AU25"], curve(np.arange(60) / 25, "AU25"), atol=0.01)
    assert found.success.all()


def test_a_table_without_frame_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "au.csv", 60, gap=",")
    rows = (line.split(",", 1)[1] for line in path.read_text().splitlines())
    path.write_text("\n".join(rows))
    assert read_openface(path, 60).success.all()


def test_another_programs_units_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "au.csv", 60, gap=",")
    path.write_text(path.read_text().replace("_r", ""))
    with pytest.raises(TableMismatch, match="py-feat"):
        read_openface(path, 60)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    names = [f"{name}_r" for name in REQUIRED]
    (tmp_path / "au.csv").write_text(",".join(["frame", *names, "au01_R"]) + "\n")
    with pytest.raises(TableMismatch, match="two columns AU01_r"):
        read_rows(tmp_path / "au.csv")
