"""An evaluation from files to numbers: the right frames with their own sound, and a word about what
does not fit."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.measured_number import number
from evaluation.talk import avatar_of, unlearned
from instag.data.clip import Clip
from instag.errors import BadArgument, FileMissing
from instag.evaluation import evaluate as evaluating
from instag.evaluation.evaluate import Evaluation, evaluate, evaluate_videos
from instag.evaluation.image import PERFECT_DB
from instag.evaluation.not_measured import NotMeasured
from instag.media.writer import write_video
from instag.models.avatar import Avatar


@pytest.fixture
def files() -> tuple[Path, Path]:
    return unlearned()


@pytest.fixture(autouse=True)
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a machine has must not decide what a test sees."""
    monkeypatch.setenv("INSTAG_ASSETS", str(tmp_path / "nothing"))
    monkeypatch.setenv("HOME", str(tmp_path))


def value_of(found: Evaluation, key: str) -> float | NotMeasured:
    row = found.metrics.row(key)
    assert row is not None
    return row.value


def folder(path: Path, pictures: list[np.ndarray]) -> Path:
    path.mkdir()
    for index, picture in enumerate(pictures):
        cv2.imwrite(str(path / f"{index:04d}.png"), picture[..., ::-1])
    return path


def test_the_frames_held_back_are_measured_with_their_sound(files, monkeypatch):
    heard = []
    original = evaluating.measure
    monkeypatch.setattr(
        evaluating,
        "measure",
        lambda pairs, **settings: heard.append(settings["speech"]) or original(pairs, **settings),
    )
    seen = []
    found = evaluate(
        *files, with_speed=False, names=True, report=lambda done, total: seen.append((done, total))
    )
    assert found.measured.per_frame.index == list(range(8, 20))
    assert seen[-1] == (12, 12)
    np.testing.assert_array_equal(heard[0], Clip.open(files[1]).speech()[8 * 640 : 20 * 640])
    about = found.metrics.about
    assert (about["prediction"], about["frames"], about["size"], about["recipe"]) == (
        "me.avatar",
        "12",
        "64x64",
        "draft",
    )
    assert about["truth"] == "synthetic speaker 0, frames 8 to 19 (not taught)"
    assert found.metrics.row("painting_fps") is None
    assert isinstance(value_of(found, "lpips_full"), NotMeasured)


def test_other_frames_and_opened_artefacts(files, monkeypatch):
    monkeypatch.setattr("instag.evaluation.speed.SPOKEN_S", 0.2)
    clip = Clip.open(files[1])
    found = evaluate(Avatar.open(files[0]), clip, frames=range(2, 6))
    assert found.measured.per_frame.index == [2, 3, 4, 5]
    # Nobody asked for names: a digest tells whether two reports are of one truth.
    digest = clip.info.source_sha256[:8]
    assert found.metrics.about["truth"] == f"video {digest}, frames 2 to 5"
    assert found.metrics.about["prediction"] == "the avatar"
    assert clip.info.source not in str(found.metrics.about)
    assert number(value_of(found, "speaking_fps")) > 0


def test_an_avatar_that_was_taught_everything_needs_frames_by_name(tmp_path):
    avatar, clip = tmp_path / "all.avatar", Clip.open(unlearned()[1])
    avatar_of(clip, taught=20).save(avatar)
    with pytest.raises(
        BadArgument, match=r"all\.avatar was learned from every frame .* --frames FIRST:LAST"
    ):
        evaluate(avatar, clip)
    assert evaluate(avatar, clip, frames=range(1, 3), with_speed=False).measured.frames == 2


def test_no_frame_was_asked_for(files):
    with pytest.raises(BadArgument, match="names no frame"):
        evaluate(*files, frames=range(3, 3))


def test_a_video_against_itself_is_perfect_and_its_sound_is_used(tmp_path):
    pictures = [np.full((48, 64, 3), 10 * index, np.uint8) for index in range(12)]
    sound = (np.random.default_rng(0).normal(0, 0.1, 12 * 640).astype(np.float32), 16_000)
    write_video(tmp_path / "a.mp4", pictures, sound=sound, fps=25)
    found = evaluate_videos(tmp_path / "a.mp4", tmp_path / "a.mp4")
    assert value_of(found, "psnr_full") == PERFECT_DB
    assert found.measured.per_frame.loudness is not None
    silent = evaluate_videos(folder(tmp_path / "b", pictures), tmp_path / "a.mp4")
    assert silent.measured.per_frame.loudness is not None, (
        "the truth's sound, where the prediction has none"
    )
    assert evaluate_videos(tmp_path / "b", tmp_path / "b").measured.per_frame.loudness is None


def test_a_dropped_frame_is_refused_or_said(tmp_path):
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 255, (40, 40, 3), np.uint8) for _ in range(12)]
    shorter, whole = (
        folder(tmp_path / "a", pictures[:5] + pictures[6:]),
        folder(tmp_path / "b", pictures),
    )
    with pytest.raises(BadArgument, match=r"a has 11 frames and .*b has 12"):
        evaluate_videos(shorter, whole)
    found = evaluate_videos(shorter, whole, align="shorter")
    assert found.measured.frames == 11
    assert "a has 11 frames, b 12: the first 11 were compared." in found.metrics.about["note"]
    assert found.metrics.about["prediction"] != found.metrics.about["truth"]
    assert str(tmp_path) not in str(found.metrics.about)
    assert (found.measured.per_frame.psnr["full"][:5] == PERFECT_DB).all()
    assert (found.measured.per_frame.psnr["full"][5:] < 20).all()


def openface(path: Path, frames: range, strength: float) -> Path:
    lines = [f"{frame},1,{strength},{2 * strength}" for frame in frames]
    path.write_text("\n".join(["frame, success, AU01_r, AU12_r", *lines]))
    return path


def test_tables_of_openface_are_matched_by_the_clips_frames(files, tmp_path):
    """The prediction's begin at 1, as OpenFace counts, and the truth's are of the whole clip."""
    tables = (
        openface(tmp_path / "painted.csv", range(1, 13), 1.5),
        openface(tmp_path / "true.csv", range(1, 21), 1.0),
    )
    found = evaluate(*files, with_speed=False, tables=tables)
    units = found.measured.action_units
    assert not isinstance(units, NotMeasured)
    assert (units.frames, units.dropped) == (12, 0)
    assert (units.upper, units.lower) == (0.25, 1.0)
    assert "OpenFace" in next(row.label for row in found.metrics.rows if row.key == "aue_upper")


def test_files_that_are_not_there_are_named(files, tmp_path):
    with pytest.raises(FileMissing, match=r"you\.avatar"):
        evaluate(tmp_path / "you.avatar", files[1])
    with pytest.raises(FileMissing, match=r"lost\.csv"):
        evaluate(*files, tables=(tmp_path / "lost.csv", tmp_path / "lost.csv"))
