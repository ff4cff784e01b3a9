"""The demo's page: what it says of what was measured, and of what was not."""

from pathlib import Path

import pytest

from demo.acted import late_lips, learned, no_face
from instag.assets.sample_speech import recording
from instag.demo.files import Files
from instag.demo.lip_check import Sync
from instag.demo.page import comparison_picture, page_of
from instag.training.metrics_writer import METRICS
from shared_files import shared_clip

SPENT = {"film": 1.0, "observe": 2.0, "learn": 300.0, "test": 1.0, "speak": 2.0, "check": 1.0}


def html_of(folder: Path, sync: Sync, spent: dict[str, float]) -> str:
    files, clip = Files(folder=folder), shared_clip(frames=60)
    for film in (files.filmed, files.spoken):
        film.write_bytes(b"a film")
    first, second = recording("speech_one"), recording("speech_two")
    avatar = learned(test=range(60, 60))
    return page_of(files, clip, avatar, first, second, spent, None, sync).html()


@pytest.mark.parametrize(
    "sync, said",
    [
        (late_lips(0), "the curves fit best with the lips in time"),
        (late_lips(2), "the lips 80 ms late"),
        (late_lips(-3), "the lips 120 ms early"),
        (no_face(), "A face was found in 0 of 50 frames. Correlation not measured"),
    ],
)
def test_when_the_lips_move_is_told(tmp_path: Path, sync: Sync, said: str) -> None:
    assert said in html_of(tmp_path, sync, SPENT)


def test_the_numbers_that_matter_come_first(tmp_path: Path) -> None:
    page = html_of(tmp_path, late_lips(0), SPENT)
    assert "5.0 min" in page
    assert "25 frames/s" in page
    assert "on frames not taught" not in page, "none was held back"
    assert "307.0\N{NO-BREAK SPACE}s" in page
    assert "12 s" in html_of(tmp_path, late_lips(0), SPENT | {"learn": 12.0})


def test_the_loss_is_drawn_where_it_was_kept(tmp_path: Path) -> None:
    sync = late_lips(0)
    assert "lower is better" not in html_of(tmp_path, sync, SPENT)
    kept = tmp_path / "speaker.clip" / "training" / "speaker" / METRICS
    kept.parent.mkdir(parents=True)
    kept.write_text('{"stage": "face", "step": 0, "loss": 0.5}\n' * 2)
    assert "lower is better" in html_of(tmp_path, sync, SPENT)


def test_frames_that_were_held_back_are_compared() -> None:
    clip = shared_clip(frames=60)
    assert comparison_picture(learned(test=range(50, 60)), clip, columns=3).shape == (128, 192, 3)
