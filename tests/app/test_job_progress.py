"""Progress: shares add up, time left is that of all work, pictures show how it came about."""

from pathlib import Path

import numpy as np
import pytest

from instag.app.job_progress import (
    FINISH,
    ProgressWriter,
    TimeLeft,
    preview_path,
    read_progress,
)

SHARES = {"observe": 1.0, "face": 2.0, "fuse": 0.5, FINISH: 0.5}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_left_is_measured_in_the_stage_that_runs() -> None:
    clock = Clock()
    left = TimeLeft(shares=SHARES, clock=clock)
    assert left("observe", 0.0) == (0.0, None)
    clock.now += 10
    share, seconds = left("observe", 0.5)
    assert share == pytest.approx(0.125)
    assert seconds == pytest.approx(20 * 3.5)  # half of this one, then three more
    clock.now += 10
    assert left("face", 0.0) == (pytest.approx(0.25), None)
    clock.now += 20
    assert left("face", 0.5)[1] == pytest.approx(20 + 40 * 0.5)


def test_a_resumed_stage_is_not_taken_for_a_fast_one() -> None:
    clock = Clock()
    left = TimeLeft(shares=SHARES, clock=clock)
    left("face", 0.8)
    clock.now += 10
    assert left("face", 0.9)[1] == pytest.approx(10 + 100 * 0.5)


def test_the_page_reads_what_the_process_wrote(tmp_path: Path) -> None:
    clock = Clock()
    writer = ProgressWriter(tmp_path, SHARES, lambda picture: b"jpeg", clock)
    assert read_progress(tmp_path).share == 0.0
    for step in range(11):
        writer("observe", step, 10)
        clock.now += 1
    writer.note(("Quality: good",))
    now = read_progress(tmp_path)
    assert now.stage == "observe"
    assert now.share == 0.25
    assert now.left_s == pytest.approx(30)
    assert now.notes == ("Quality: good",)
    writer("face", 0, 10)
    assert read_progress(tmp_path).left_s == pytest.approx(29)
    writer("fuse", 10, 10)
    assert read_progress(tmp_path).stage == FINISH


def test_a_few_pictures_are_kept_and_the_rest_go(tmp_path: Path) -> None:
    clock = Clock()
    writer = ProgressWriter(tmp_path, SHARES, lambda picture: b"jpeg", clock)
    for step in range(100):
        clock.now += 3
        writer("face", step, 100)
        writer.preview("face", step, np.zeros((2, 2, 3), np.uint8))
        writer.preview("face", step, np.zeros((2, 2, 3), np.uint8))  # too soon
    now = read_progress(tmp_path)
    assert now.preview == 100
    assert len(now.kept) == 6  # no more milestones lie in this stage
    wanted = {*now.kept, now.preview, now.preview - 1}
    assert {path.name for path in tmp_path.glob("preview-*")} == {
        preview_path(tmp_path, number).name for number in wanted
    }


def test_a_damaged_file_is_no_progress(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"share": 1}', '{"unheard": 1, "kept": [], "notes": []}'):
        (tmp_path / "progress.json").write_text(text)
        assert read_progress(tmp_path).share == 0.0
