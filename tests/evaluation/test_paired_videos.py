"""Two videos or folders as pairs: the same frames from either, and a word where they do not fit."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from instag.errors import BadArgument, FileMissing, NotMedia
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.paired_videos import footage, open_pair, sound_of
from instag.media.writer import write_video

TONE = (np.sin(np.arange(16_000) / 9) * 0.3).astype(np.float32)


def pictures(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    return [
        np.full((height, width, 3), (8 * index % 250, 60, 200), np.uint8) for index in range(count)
    ]


def video(path: Path, count: int, *, fps: int = 25, sound: bool = False, **size: int) -> Path:
    write_video(
        path, pictures(count, **size), fps=fps, sound=(TONE, 16_000) if sound else None, crf=4
    )
    return path


def folder(path: Path, count: int, *, first: int = 0, name: str = "{:d}.png", **size: int) -> Path:
    path.mkdir()
    for index, picture in enumerate(pictures(count, **size), start=first):
        cv2.imwrite(str(path / name.format(index)), picture[..., ::-1])
    return path


@pytest.mark.parametrize("predicted_kind", ["video", "folder"])
@pytest.mark.parametrize("truth_kind", ["video", "folder"])
def test_frames_come_in_pairs_and_in_order(
    tmp_path: Path, predicted_kind: str, truth_kind: str
) -> None:
    make = {
        "video": lambda name: video(tmp_path / f"{name}.mp4", 12),
        "folder": lambda name: folder(tmp_path / name, 12),
    }
    found = open_pair(make[predicted_kind]("painted"), make[truth_kind]("truth"))
    assert len(found) == 12
    assert found.notes == ()
    for _ in range(2):
        pairs = list(found)
        assert [pair.index for pair in pairs] == list(range(12))
        for pair, picture in zip(pairs, pictures(12), strict=True):
            assert np.abs(pair.prediction.astype(int) - picture).mean() < 4
            assert np.abs(pair.truth.astype(int) - picture).mean() < 4


def test_numbers_order_the_pictures_not_letters(tmp_path: Path) -> None:
    """9.png comes before 10.png, and numbers need not start with 0."""
    found = open_pair(
        folder(tmp_path / "a", 12, first=1),
        folder(tmp_path / "b", 12, first=1, name="take2_{:04d}.jpg"),
    )
    np.testing.assert_array_equal(
        [pair.prediction[0, 0, 0] for pair in found], [8 * index for index in range(12)]
    )
    other = open_pair(folder(tmp_path / "c", 12), tmp_path / "b")
    assert "start with number 0" in other.notes[0]


def test_another_length_is_refused_or_said(tmp_path: Path) -> None:
    prediction, truth = video(tmp_path / "a.mp4", 10), folder(tmp_path / "b", 12)
    with pytest.raises(BadArgument, match=r"10 frames.*12.*--align shorter"):
        open_pair(prediction, truth)
    found = open_pair(prediction, truth, align="shorter")
    assert len(list(found)) == len(found) == 10
    assert "the first 10" in found.notes[0]


def test_another_size_is_refused_or_scaled(tmp_path: Path) -> None:
    prediction, truth = folder(tmp_path / "a", 3, width=32, height=24), folder(tmp_path / "b", 3)
    with pytest.raises(BadArgument, match=r"32x24.*64x48.*--resize"):
        open_pair(prediction, truth)
    found = open_pair(prediction, truth, resize=True)
    assert {pair.prediction.shape for pair in found} == {(48, 64, 3)}
    assert "scaled from 32x24" in found.notes[0]


def test_another_rate_is_said(tmp_path: Path) -> None:
    found = open_pair(video(tmp_path / "a.mp4", 30, fps=30), video(tmp_path / "b.mp4", 25))
    assert len(found) == 25
    assert "30 frames a second" in found.notes[0]


def test_a_dropped_picture_is_an_error(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", 12)
    (path / "7.png").unlink()
    with pytest.raises(BadArgument, match=r"1 of the frames 0 to 11.*: 7\."):
        footage(path)


@pytest.mark.parametrize(
    ("name", "words"), [("007.jpg", "more than once"), ("cover.png", "no number")]
)
def test_a_picture_without_a_place_is_an_error(tmp_path: Path, name: str, words: str) -> None:
    path = folder(tmp_path / "a", 12)
    cv2.imwrite(str(path / name), pictures(1)[0])
    with pytest.raises(BadArgument, match=words):
        footage(path)


def test_a_picture_of_another_size_or_none_at_all_is_an_error(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", 3)
    cv2.imwrite(str(path / "2.png"), pictures(1, width=50)[0])
    with pytest.raises(BadArgument, match=r"2\.png is 50x48"):
        list(footage(path))
    (path / "2.png").write_bytes(b"nothing")
    with pytest.raises(NotMedia, match=r"2\.png"):
        list(footage(path))


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="no file or folder"):
        footage(tmp_path / "a.mp4")
    with pytest.raises(BadArgument, match="no pictures"):
        footage(tmp_path)


def test_sound_or_the_reason(tmp_path: Path) -> None:
    found = sound_of(video(tmp_path / "a.mp4", 25, sound=True))
    assert isinstance(found, np.ndarray)
    assert len(found) == pytest.approx(16_000, abs=1100)
    silent = sound_of(video(tmp_path / "b.mp4", 25))
    assert isinstance(silent, NotMeasured)
    assert "no sound track" in silent.reason
    assert isinstance(sound_of(folder(tmp_path / "c", 2)), NotMeasured)
