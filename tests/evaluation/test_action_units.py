import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.measured_number import number
from instag.errors import BadArgument, FileMissing
from instag.evaluation.action_units import (
    LOWER,
    OPENFACE,
    OWN,
    UPPER,
    AuTable,
    action_unit_error,
    estimate,
    read_openface,
)
from instag.evaluation.landmarks import TrackedLandmarks
from instag.evaluation.not_measured import NotMeasured
from instag.types import LANDMARKS
from shared_files import shared_clip

NAMES = ("AU01", "AU45", "AU12", "AU25")


def table(seed: int = 0, frames: int = 40, names: tuple[str, ...] = NAMES) -> AuTable:
    random = np.random.default_rng(seed)
    return AuTable(
        frames=np.arange(1, frames + 1),
        success=np.ones(frames, bool),
        units={name: random.uniform(0, 5, frames) for name in names},
        source=OPENFACE,
    )


def changed(original: AuTable, **units: np.ndarray) -> AuTable:
    return AuTable(
        frames=original.frames,
        success=original.success,
        units={**original.units, **units},
        source=original.source,
    )


def openface_text(rows: list[str]) -> str:
    return (
        "\n".join(["frame, face_id, timestamp, confidence, success, AU01_r, AU25_r, AU01_c", *rows])
        + "\n"
    )


def test_the_seventeen_units_of_openface_are_shared_out_once():
    assert len({*UPPER, *LOWER}) == len(UPPER) + len(LOWER) == 17


def test_truth_against_itself_is_perfect():
    same = action_unit_error(table(), table())
    assert (same.upper, same.lower, same.frames, same.dropped) == (0, 0, 40, 0)
    assert (same.upper_units, same.lower_units) == (("AU01", "AU45"), ("AU12", "AU25"))


@given(first=st.floats(-2, 2), second=st.floats(-2, 2))
def test_a_sum_over_units_of_mean_squared_errors(first, second):
    truth = table()
    wrong = changed(
        truth,
        AU01=truth.units["AU01"] + first,
        AU45=truth.units["AU45"] + second,
        AU25=truth.units["AU25"] - second,
    )
    measured = action_unit_error(wrong, truth)
    assert measured.upper == pytest.approx(first**2 + second**2, abs=1e-9)
    assert measured.lower == pytest.approx(second**2, abs=1e-9)


def test_only_units_of_both_tables_count():
    measured = action_unit_error(table(1), table(2, names=("AU01", "AU02")))
    assert set(measured.by_unit) == {"AU01"}
    assert str(measured.lower) == "not measured: the tables share no action unit of the lower face"


def test_rows_are_matched_by_frame_and_failures_dropped():
    truth = table()
    success = truth.success.copy()
    success[[3, 4]] = False
    wrong_where_lost = truth.units["AU01"] + 100 * ~success
    part = AuTable(
        frames=truth.frames[2:],
        success=success[2:],
        units={"AU01": wrong_where_lost[2:]},
        source=OPENFACE,
    )
    measured = action_unit_error(part, truth)
    assert (measured.upper, measured.frames, measured.dropped) == (0, 36, 2)
    gap = AuTable(
        frames=np.delete(truth.frames, 20),
        success=np.ones(39, bool),
        units={"AU01": np.delete(truth.units["AU01"], 20)},
        source=OPENFACE,
    )
    assert (action_unit_error(gap, truth).upper, action_unit_error(gap, truth).dropped) == (0, 1)
    assert action_unit_error(part.renumbered(3), truth).upper == 0
    assert number(action_unit_error(part.renumbered(1), truth).upper) > 0
    apart = action_unit_error(part.renumbered(1000), truth)
    assert "0 frames" in str(apart.upper)
    assert isinstance(apart.lower, NotMeasured)
    with pytest.raises(BadArgument, match="in one way"):
        action_unit_error(
            part, AuTable(frames=truth.frames, success=truth.success, units=truth.units, source=OWN)
        )


def test_openfaces_table_is_read(tmp_path):
    path = tmp_path / "me.csv"
    path.write_text(
        openface_text(
            [
                "2, 0, 0.04, 0.98, 1, 0.50, 1.25, 0",
                "1, 0, 0.00, 0.98, 1, 0.10, 1.00, 0",
                "3, 0, 0.08, 0.10, 0, 0.00, 0.00, 0",
            ]
        )
    )
    read = read_openface(path)
    assert read.frames.tolist() == [1, 2, 3]
    assert read.success.tolist() == [True, True, False]
    assert {name: column.tolist() for name, column in read.units.items()} == {
        "AU01": [0.1, 0.5, 0.0],
        "AU25": [1.0, 1.25, 0.0],
    }
    assert read.source == OPENFACE


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "not a table of OpenFace"),
        ("a,b\n1,2\n", "not a table of OpenFace"),
        (openface_text(["1, 0, 0.0, 0.98, 1, 0.5"]), "cut off"),
        (openface_text(["1, 0, 0.0, 0.98, 1, 0.5, x, 0"]), "not all numbers"),
        (
            openface_text(["1, 0, 0.0, 0.98, 1, 0.5, 1, 0", "1, 1, 0.0, 0.98, 1, 0.5, 1, 0"]),
            "frame 1 twice",
        ),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, message):
    path = tmp_path / "me.csv"
    path.write_text(text)
    with pytest.raises(BadArgument, match=message):
        read_openface(path)
    with pytest.raises(FileMissing, match=r"nobody\.csv"):
        read_openface(tmp_path / "nobody.csv")


def test_a_clips_own_table_is_read():
    clip = shared_clip(frames=20)
    read = read_openface(clip.folder / "au.csv")
    assert read.frames.tolist() == list(range(1, 21))
    np.testing.assert_allclose(read.units["AU25"], clip.action_units()["AU25"])


@pytest.fixture(scope="module")
def speaking() -> TrackedLandmarks:
    """The true landmarks of a synthetic speaker, with what a detector errs by."""
    points = shared_clip(frames=76).track().landmarks * 8
    return TrackedLandmarks(
        points=(points + np.random.default_rng(0).normal(0, 0.1, points.shape)).astype(np.float32),
        found=np.ones(len(points), bool),
    )


def raised_brows(observed: TrackedLandmarks, pixels: float) -> TrackedLandmarks:
    brows = np.zeros((LANDMARKS, 3), np.float32)
    brows[[55, 107, 65, 285, 336, 295, 70, 63, 46, 53, 300, 293, 276, 283], 1] = -pixels
    return TrackedLandmarks(points=observed.points + brows, found=observed.found)


def test_own_estimates_of_the_truth_against_itself_agree(speaking):
    tables = estimate(speaking, speaking, (512, 512))
    assert not isinstance(tables, NotMeasured)
    measured = action_unit_error(*tables)
    assert measured.source == OWN
    assert measured.upper == pytest.approx(0, abs=1e-6)
    assert measured.lower == pytest.approx(0, abs=1e-6)
    assert measured.upper_units == UPPER
    assert measured.lower_units == ("AU25", "AU26")


def test_brows_that_are_always_raised_and_lips_that_never_move_are_seen(speaking):
    def errors(prediction: TrackedLandmarks) -> dict[str, float]:
        tables = estimate(prediction, speaking, (512, 512))
        assert not isinstance(tables, NotMeasured)
        return action_unit_error(*tables).by_unit

    path = [errors(raised_brows(speaking, pixels))["AU01"] for pixels in (0, 3, 6, 12)]
    assert (np.diff(path) > 0).all()
    lips = speaking.points.copy()
    lips[:, [82, 13, 312, 87, 14, 317]] = lips[:1, [82, 13, 312, 87, 14, 317]] + (
        lips[:, 1:2] - lips[:1, 1:2]
    )
    assert errors(TrackedLandmarks(points=lips, found=speaking.found))["AU25"] > 0.3


def test_frames_without_a_face_are_left_out(speaking):
    found = speaking.found.copy()
    found[[5, 6, 30]] = False
    points = speaking.points.copy()
    points[~found] = np.nan
    tables = estimate(TrackedLandmarks(points=points, found=found), speaking, (512, 512))
    assert not isinstance(tables, NotMeasured)
    measured = action_unit_error(*tables)
    assert (measured.frames, measured.dropped) == (len(speaking) - 3, 3)
    assert isinstance(
        estimate(
            TrackedLandmarks(points=points, found=np.zeros(len(found), bool)), speaking, (512, 512)
        ),
        NotMeasured,
    )
    with pytest.raises(BadArgument, match="frames and the truth"):
        estimate(TrackedLandmarks(points=points[1:], found=found[1:]), speaking, (512, 512))
