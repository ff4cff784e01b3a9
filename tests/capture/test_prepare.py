"""The order of stages: what is done again, what is not, and what a stop leaves. Stages here only
count and write a word."""

import json
import sys
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bare_clip import bare_info
from instag.capture import prepare as module
from instag.capture import side_by_side
from instag.capture.extract_frames import extract_audio
from instag.capture.openface import REQUIRED
from instag.capture.options import CaptureOptions
from instag.capture.prepare import prepare
from instag.capture.stage import Stage
from instag.data.clip import Clip
from instag.errors import (
    BadArgument,
    FileMissing,
    NoFace,
    NoSound,
    NotMedia,
    NotWritable,
    TableMismatch,
    TooShort,
)
from instag.media.writer import write_video
from instag.runtime.folder_in_use import alone_in
from instag.runtime.progress import Report

ORDER = [stage.name for stage in module.STAGES]


def write(path: Path, seconds: float = 3.0, sound: bool = True, shade: int = 90) -> Path:
    tone = 0.3 * np.sin(np.arange(round(seconds * 16_000)) / 5).astype(np.float32)
    frames = (np.full((96, 96, 3), shade, np.uint8) for _ in range(round(seconds * 25)))
    write_video(path, frames, sound=(tone, 16_000) if sound else None)
    return path


def sound_only(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2 * 48_000))
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write(tmp_path / "me.mp4")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the stages that ran, one at a time, which do nothing else; the name 'stop' put into
    it makes a stage fail."""
    names: list[str] = []
    monkeypatch.setattr(side_by_side, "SIDE_BY_SIDE", 1)

    def run_of(name: str) -> Callable[..., Clip]:
        def run(clip: Clip, report: Report, **options: object) -> Clip:
            report(1, 2)
            names.append(name)
            if f"stop {name}" in names:
                raise KeyboardInterrupt
            return Clip(folder=clip.folder, info=replace(clip.info, frame_count=75))

        return run

    monkeypatch.setattr(
        module,
        "STAGES",
        tuple(replace(stage, run=run_of(stage.name), writes=()) for stage in module.STAGES),
    )
    return names


def test_all_stages_once_in_order(video: Path, tmp_path: Path, done: list[str]) -> None:
    clip = prepare(video, tmp_path / "me.clip")
    assert done == ORDER == list(clip.info.stages)
    assert Clip.open(tmp_path / "me.clip").info == clip.info
    assert clip.info.source == "me.mp4"
    prepare(video, tmp_path / "me.clip")
    assert done == ORDER


@pytest.mark.parametrize("name", ["at 7.15.12\u202fPM.mp4", "two\nlines.mp4", "\u202eme.mp4"])
def test_a_video_of_any_name_makes_a_clip_that_opens(
    tmp_path: Path, done: list[str], name: str
) -> None:
    """Screen recordings of a Mac have a narrow space in theirs."""
    prepare(write(tmp_path / name), tmp_path / "me.clip")
    assert Clip.open(tmp_path / "me.clip").info.source.isprintable()
    prepare(tmp_path / name, tmp_path / "me.clip")
    assert done == ORDER


def test_a_clip_of_another_video_is_replaced_where_that_is_asked_for_alone(
    video: Path, tmp_path: Path, done: list[str]
) -> None:
    info = prepare(video, tmp_path / "me.clip").info
    other = write(tmp_path / "you.mp4", shade=50)
    done.clear()
    with pytest.raises(BadArgument, match=r"clip of another video, me\.mp4.*--overwrite"):
        prepare(other, tmp_path / "me.clip")
    assert Clip.open(tmp_path / "me.clip").info == info
    assert done == []
    assert prepare(other, tmp_path / "me.clip", overwrite=True).info.source == "you.mp4"
    assert done == ORDER


def test_needs_come_first() -> None:
    for index, stage in enumerate(module.STAGES):
        assert set(stage.needs) <= set(ORDER[:index])


def test_what_depends_on_poses_follows_the_last_of_them() -> None:
    # A head is taught expressions only where the units are those of its landmarks and poses.
    needs = {stage.name: stage.needs for stage in module.STAGES}
    assert all("poses" in needs[name] for name in ("action_units", "surface", "quality"))


def test_a_changed_delay_redoes_what_hears_alone(
    video: Path, tmp_path: Path, done: list[str]
) -> None:
    prepare(video, tmp_path / "me.clip")
    done.clear()
    prepare(video, tmp_path / "me.clip", CaptureOptions(delay=80))
    assert done == ["sound", "features", "quality"]


@pytest.mark.parametrize("part", [{"since": "0.5"}, {"until": "0:02.5"}, {"seconds": 2.2}])
def test_another_part_redoes_everything(
    video: Path, tmp_path: Path, done: list[str], part: dict[str, Any]
) -> None:
    prepare(video, tmp_path / "me.clip")
    done.clear()
    prepare(video, tmp_path / "me.clip", CaptureOptions(**part))
    assert done == ORDER


@pytest.mark.parametrize(
    "part, words",
    [
        ({"since": "2", "until": "1"}, "nothing lies between them"),
        ({"since": "soon"}, "no time"),
        ({"seconds": 0.0}, "longer than 0"),
    ],
)
def test_parts_that_are_none_are_refused(part: dict[str, Any], words: str) -> None:
    with pytest.raises(BadArgument, match=words):
        CaptureOptions(**part)


def test_a_part_that_is_too_short_is_said_at_once(video: Path, tmp_path: Path) -> None:
    with pytest.raises(TooShort, match=r"holds 3\.0 s, of which 1\.5 s are asked for"):
        prepare(video, tmp_path / "me.clip", CaptureOptions(since="1.5"))


def test_sound_may_lie_in_a_file_of_its_own(tmp_path: Path, done: list[str]) -> None:
    mute = write(tmp_path / "mute.mp4", sound=False)
    with pytest.raises(NoSound, match="--sound FILE"):
        prepare(mute, tmp_path / "me.clip")
    apart = CaptureOptions(sound=sound_only(tmp_path / "apart.wav"))
    prepare(mute, tmp_path / "me.clip", apart)
    assert done == ORDER
    record = json.loads((tmp_path / "me.clip" / "clip.json").read_text())["stages"]["sound"]
    assert record["settings"]["sound"] == "apart.wav"
    done.clear()
    with (tmp_path / "apart.wav").open("ab") as file:
        file.write(bytes(2))
    prepare(mute, tmp_path / "me.clip", apart)
    assert done == ["sound", "features", "quality"]
    with pytest.raises(FileMissing):
        prepare(mute, tmp_path / "me.clip", CaptureOptions(sound=tmp_path / "none.wav"))


def test_a_changed_crop_redoes_everything(video: Path, tmp_path: Path, done: list[str]) -> None:
    prepare(video, tmp_path / "me.clip")
    done.clear()
    prepare(video, tmp_path / "me.clip", CaptureOptions(crop=(0, 0, 90)))
    assert done == ORDER


def test_another_shot_redoes_everything(video: Path, tmp_path: Path, done: list[str]) -> None:
    prepare(video, tmp_path / "me.clip")
    done.clear()
    prepare(video, tmp_path / "me.clip", CaptureOptions(shot=1))
    assert done == ORDER


def test_only_and_from(video: Path, tmp_path: Path, done: list[str]) -> None:
    prepare(video, tmp_path / "me.clip")
    done.clear()
    prepare(video, tmp_path / "me.clip", only="regions")
    assert done == ["regions"]
    done.clear()
    prepare(video, tmp_path / "me.clip", start_from="torso")
    assert done == ["torso", "surface", "features", "quality"]
    with pytest.raises(BadArgument, match="stages are: video, sound"):
        prepare(video, tmp_path / "me.clip", only="hats")


def test_only_without_what_it_needs(video: Path, tmp_path: Path, done: list[str]) -> None:
    with pytest.raises(BadArgument, match="'regions' reads what 'tracking' makes"):
        prepare(video, tmp_path / "me.clip", only="regions")


def test_a_stopped_run_goes_on_where_it_was(video: Path, tmp_path: Path, done: list[str]) -> None:
    done.append("stop regions")
    with pytest.raises(KeyboardInterrupt):
        prepare(video, tmp_path / "me.clip")
    assert list(Clip.open(tmp_path / "me.clip").info.stages) == ORDER[: ORDER.index("regions")]
    done.clear()
    prepare(video, tmp_path / "me.clip")
    assert done == ORDER[ORDER.index("regions") :]


def test_a_stage_that_is_redone_and_stopped_takes_its_followers_along(
    video: Path, tmp_path: Path, done: list[str]
) -> None:
    """A second run must not keep what was made from a result that is no more."""
    prepare(video, tmp_path / "me.clip")
    done.append("stop sound")
    with pytest.raises(KeyboardInterrupt):
        prepare(video, tmp_path / "me.clip", CaptureOptions(delay=40))
    done.clear()
    prepare(video, tmp_path / "me.clip", CaptureOptions(delay=40))
    assert done == ["sound", "features", "quality"]


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no locks there")
def test_two_do_not_observe_into_one_folder(video: Path, tmp_path: Path, done: list[str]) -> None:
    clip = prepare(video, tmp_path / "me.clip")
    before = (clip.folder / "clip.json").read_bytes()
    with alone_in(clip.folder, "instag prepare"), pytest.raises(NotWritable, match="just now"):
        prepare(video, clip.folder, start_from="tracking")
    assert (clip.folder / "clip.json").read_bytes() == before


def test_progress_rises_to_the_whole(video: Path, tmp_path: Path, done: list[str]) -> None:
    seen: list[tuple[int, int]] = []
    prepare(video, tmp_path / "me.clip", report=lambda part, whole: seen.append((part, whole)))
    assert seen == sorted(seen)
    assert seen[-1] == (1000, 1000)


def test_other_files_are_left_alone(video: Path, tmp_path: Path, done: list[str]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.txt").write_text("meow")
    with pytest.raises(BadArgument, match="other files"):
        prepare(video, folder)
    with pytest.raises(BadArgument, match="is a file"):
        prepare(video, folder / "cat.txt")
    assert not done


def test_unusable_videos_are_refused_before_any_work(tmp_path: Path, done: list[str]) -> None:
    with pytest.raises(FileMissing):
        prepare(tmp_path / "none.mp4", tmp_path / "a.clip")
    with pytest.raises(NoSound):
        prepare(write(tmp_path / "mute.mp4", sound=False), tmp_path / "a.clip")
    with pytest.raises(NotMedia, match="no picture"):
        prepare(sound_only(tmp_path / "voice.wav"), tmp_path / "a.clip")
    with pytest.raises(TooShort, match=r"short\.mp4 holds 1\.0 s"):
        prepare(write(tmp_path / "short.mp4", seconds=1.0), tmp_path / "a.clip")
    with pytest.raises(BadArgument, match="--size 99"):
        prepare(write(tmp_path / "me.mp4"), tmp_path / "a.clip", CaptureOptions(size=99))
    assert not (tmp_path / "a.clip").exists()
    assert not done


def test_a_video_that_shows_no_face_leaves_nothing_behind(video: Path, tmp_path: Path) -> None:
    with pytest.raises(NoFace):
        prepare(video, tmp_path / "a.clip")
    with pytest.raises(BadArgument, match="--shot 3"):
        prepare(video, tmp_path / "a.clip", CaptureOptions(shot=3))
    assert not (tmp_path / "a.clip").exists()


@pytest.mark.parametrize(("delay_ms", "first"), [(0, 0), (100, 1600), (-100, -1600)])
def test_sound_is_shifted_and_as_long_as_the_frames(
    tmp_path: Path, delay_ms: int, first: int
) -> None:
    beep = np.zeros(3 * 16_000, np.float32)
    beep[16_000:17_600] = 0.5 * np.sin(np.arange(1600))
    write_video(
        tmp_path / "me.mp4",
        (np.full((64, 64, 3), 90, np.uint8) for _ in range(75)),
        sound=(beep, 16_000),
    )
    info = bare_info(74)
    clip = Clip(folder=tmp_path / "me.clip", info=info)
    extract_audio(clip, tmp_path / "me.mp4", delay_ms)
    speech = clip.speech()
    assert len(speech) == 74 * 640
    assert abs(int(np.argmax(np.abs(speech) > 0.1)) - (16_000 - first)) < 200


def test_sound_begins_with_the_clips_first_frame(tmp_path: Path) -> None:
    beep = np.zeros(3 * 16_000, np.float32)
    beep[24_000:25_600] = 0.5 * np.sin(np.arange(1600))
    write_video(
        tmp_path / "me.mp4",
        (np.full((64, 64, 3), 90, np.uint8) for _ in range(75)),
        sound=(beep, 16_000),
    )
    info = bare_info(50, first_frame=25, shots=((0, 75),))
    clip = Clip(folder=tmp_path / "me.clip", info=info)
    extract_audio(clip, tmp_path / "me.mp4", 0)
    assert len(clip.speech()) == 50 * 640
    assert abs(int(np.argmax(np.abs(clip.speech()) > 0.1)) - 8_000) < 200
    assert clip.info.is_part
    assert Clip.open(clip.save_info(info).folder).info == info


def test_a_stage_record_is_plain_json(video: Path, tmp_path: Path, done: list[str]) -> None:
    prepare(video, tmp_path / "me.clip", CaptureOptions(crop=(0, 0, 90), seconds=2.5))
    record = json.loads((tmp_path / "me.clip" / "clip.json").read_text())["stages"]["video"]
    assert record["settings"] == {"size": 512, "crop": [0, 0, 90], "seconds": 2.5}
    assert isinstance(module.STAGES[0], Stage)


def test_another_table_of_action_units_is_read_anew(
    video: Path, tmp_path: Path, done: list[str]
) -> None:
    prepare(video, tmp_path / "me.clip")
    done.clear()
    table = tmp_path / "au.csv"
    header = ",".join(["frame", *(f"{name}_r" for name in REQUIRED)])
    table.write_text(f"{header}\n1{',1' * len(REQUIRED)}\n")
    for _ in range(2):
        prepare(video, tmp_path / "me.clip", CaptureOptions(au=str(table)))
    table.write_text(f"{header}\n1{',2' * len(REQUIRED)}\n")
    prepare(video, tmp_path / "me.clip", CaptureOptions(au=str(table)))
    assert done == ["action_units", "action_units"]
    table.write_text("no table")
    with pytest.raises(TableMismatch, match=r"au\.csv"):
        prepare(video, tmp_path / "new.clip", CaptureOptions(au=str(table)))
    assert not (tmp_path / "new.clip").exists()
    with pytest.raises(BadArgument, match="--au"):
        prepare(video, tmp_path / "me.clip", CaptureOptions(au="none.csv"))
