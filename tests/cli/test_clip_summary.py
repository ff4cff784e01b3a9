"""What is said of a clip when it was made, and when it is inspected."""

import json
from pathlib import Path
from typing import Any

import pytest

from bare_clip import bare_info
from instag.capture.quality import report
from instag.capture.quality.limits import Finding, Grade
from instag.capture.quality.report import Quality
from instag.cli.clip_summary import summary_lines
from instag.data.clip import Clip
from instag.data.clip_info import ClipInfo, StageRecord

BLURRED = Quality(
    findings=(Finding(aspect="blur", grade=Grade.FAIR, message="The face is blurred."),),
    measured={"sharpness": 0.05},
)


def info(*, frame_count: int = 100, **about: Any) -> ClipInfo:
    return bare_info(frame_count, **about)


def test_nothing_to_say_of_one_take() -> None:
    assert summary_lines(info(shots=((0, 100),))) == []
    assert summary_lines(info()) == []


def test_the_shot_and_the_part_that_were_taken_are_said() -> None:
    cut, lost = summary_lines(info(first_frame=80, shots=((0, 50), (50, 200))))
    assert "2 shots; shot 2 was used (0:02.0 to 0:08.0)" in cut
    assert "Only 0:03.2 to 0:07.2 was used" in lost


def test_seconds_that_were_not_asked_for_are_not_missed() -> None:
    made = {"video": StageRecord(made_by="", settings={"seconds": 4.0}, seconds=0)}
    assert summary_lines(info(shots=((0, 500),), stages=made)) == []
    assert len(summary_lines(info(shots=((0, 500),), stages=made, frame_count=90))) == 1


def test_a_clip_that_lies_in_none_of_its_shots_is_summed_up() -> None:
    assert len(summary_lines(info(first_frame=80, shots=((0, 10), (10, 50))))) == 1


def test_a_small_delay_is_not_said() -> None:
    found = {"ms": -4.0, "fit": 0.6, "margin": 0.4}
    assert summary_lines(info(delay_ms=-4, delay_found=found)) == []
    assert "40 ms earlier than the lips" in summary_lines(info(delay_ms=-40, delay_found=found))[0]


@pytest.mark.parametrize("stored", [True, False])
def test_inspect_prints_the_verdict_and_changes_nothing(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    monkeypatch.setattr(report, "assess", lambda clip: BLURRED)
    clip = Clip(
        folder=tmp_path / "me.clip", info=info(quality=BLURRED.as_json() if stored else None)
    )
    clip.save_info(clip.info)
    before = (clip.folder / "clip.json").read_text()
    text = run("inspect", clip.folder).stdout
    assert "me.mp4: 100 frames, 4.0 s" in text
    assert "Quality: fair\nblur, fair: The face is blurred." in text
    assert json.loads(run("inspect", clip.folder, "--json").stdout)["quality"]["grade"] == "fair"
    assert (clip.folder / "clip.json").read_text() == before
    assert run("inspect", tmp_path).exit_code == 1


def test_what_was_chosen_in_the_file_is_said() -> None:
    flaws: dict[str, list[list[object]]] = {
        "sound": [["sound", 0.0, "There are 2 sound tracks."], ["sound", 0.3, "It is missing."]]
    }
    assert summary_lines(info(flaws=flaws)) == ["There are 2 sound tracks."]
