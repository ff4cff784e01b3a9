"""Files as people name and cut them: names like protocols, guessed lengths, headers that ask for
too much."""

import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from av import error as av_error

from instag.errors import FileMissing, NotMedia, Truncated
from instag.media import container, media_info, picture_reader, sound_reader
from instag.media.reader import probe, read_frames, read_sound
from media.films import clicks, film, heard, seen, sound_file


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("names") / "v.mp4", seconds=2).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "12:30 me.mp4",
        "http:me.mp4",
        "file:me.mp4",
        "concat:a|b.mp4",
        "pipe:0",
        "-",
        "-me.mp4",
        "50% me %03d.mp4",
        "me [1].mp4",
        "two\nlines.mp4",
        "录像 é.mp4",
        "subfile,,start,0,end,0,,:x.mp4",
        "x" * 243 + ".mp4",
    ],
)
def test_any_name_is_that_of_a_local_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bytes, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(whole)
    assert probe(name).seconds == 2
    assert sum(1 for _ in read_frames(name)) == 50
    np.testing.assert_allclose(heard(Path(name)), [0.5, 1.5], atol=0.03)


@pytest.mark.parametrize("name", ["x" * 300, "v.mp4/inside.mp4", "nul\0byte.mp4"])
def test_names_that_cannot_be_opened(tmp_path: Path, whole: bytes, name: str) -> None:
    (tmp_path / "v.mp4").write_bytes(whole)
    with pytest.raises(FileMissing, match="cannot be opened"):
        probe(tmp_path / name)


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "v.mp4")
    for path in (tmp_path / "v.mp4", Path("/dev/zero")):
        with pytest.raises(NotMedia, match="is a pipe or a device"):
            probe(path)


def test_a_list_of_other_files_is_refused(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "v.mp4").write_bytes(whole)
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile v.mp4\n")
    with pytest.raises(NotMedia, match=r"list of other files"):
        probe(tmp_path / "list.mp4")


def test_a_guessed_length_refuses_nothing(tmp_path: Path) -> None:
    """FFmpeg guesses the length of raw AAC by its first frames: quiet ones are small."""
    noise = (0.3 * np.random.default_rng(0).standard_normal(480_000)).astype(np.float32)
    noise[:144_000] = 0
    path = sound_file(tmp_path / "quiet_first.aac", noise, form="adts")
    assert probe(path).seconds > 20
    assert len(read_sound(path)) / 16_000 == pytest.approx(10, abs=0.05)


@pytest.mark.parametrize("name", ["v.mkv", "v.flv", "v.mp4"])
def test_tracks_of_different_lengths(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, seconds=2, sound_seconds=4)
    assert sum(1 for _ in read_frames(path)) == 50
    assert len(read_sound(path)) / 16_000 == pytest.approx(4, abs=0.05)
    np.testing.assert_allclose(seen(path), [0.5, 1.5], atol=0.03)


@pytest.mark.parametrize("name", ["v.mkv", "v.flv"])
def test_a_file_that_is_cut_is_still_refused(tmp_path: Path, name: str) -> None:
    content = film(tmp_path / name, seconds=4).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(Truncated, match="header says 4"):
        list(read_frames(tmp_path / name))
    with pytest.raises(Truncated, match="header says 4"):
        read_sound(tmp_path / name)


def test_a_counted_mp3_that_is_cut_is_refused_and_a_guessed_one_is_not(tmp_path: Path) -> None:
    path = sound_file(tmp_path / "a.mp3", clicks(6), codec="libmp3lame")
    assert len(read_sound(path)) / 16_000 == pytest.approx(6, abs=0.1)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(Truncated, match=r"header says 6\.0 s"):
        read_sound(path)
    path.write_bytes(
        content[: len(content) // 2].replace(b"Xing", bytes(4)).replace(b"Info", bytes(4))
    )
    assert len(read_sound(path)) / 16_000 == pytest.approx(3, abs=0.3)


def test_headers_that_ask_for_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bytes
) -> None:
    header = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 2036, b"WAVE", b"fmt ", 16, 1, 1, 1, 2, 2, 16)
    path = tmp_path / "slow.wav"
    path.write_bytes(header + struct.pack("<4sI", b"data", 2000) + bytes(2000))
    with pytest.raises(NotMedia, match=r"states 1 samples of sound a second"):
        read_sound(path)
    (tmp_path / "v.mp4").write_bytes(whole)
    monkeypatch.setattr(container, "MAX_PIXELS", 3_000)
    with pytest.raises(NotMedia, match=r"pictures of 64 x 48 pixels"):
        probe(tmp_path / "v.mp4")


def test_sound_and_quiet_are_as_long_as_they_were(tmp_path: Path) -> None:
    path = sound_file(tmp_path / "a.wav", clicks(3), codec="pcm_f32le")
    assert len(read_sound(path)) == 48_000


def raising(error: Exception) -> Callable[..., None]:
    def raise_it(*_: object, **__: object) -> None:
        raise error

    return raise_it


@pytest.mark.parametrize(
    "error",
    [
        av_error.PermissionError(1, "Operation not permitted", "avcodec_send_packet()"),
        av_error.UndefinedError(1, "Error number -1 occurred", "avcodec_receive_frame()"),
        av_error.DecoderNotFoundError(1, "Decoder not found", "avcodec_find_decoder()"),
    ],
)
@pytest.mark.parametrize("read", [probe, read_sound, lambda path: list(read_frames(path))])
def test_what_ffmpeg_raises_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bytes, error: Exception, read: Callable
) -> None:
    (tmp_path / "v.mp4").write_bytes(whole)
    for module in (media_info, picture_reader, sound_reader):
        for name in ("picture_stream", "read_timeline"):
            monkeypatch.setattr(module, name, raising(error), raising=False)
    with pytest.raises(NotMedia, match=r"v\.mp4 cannot be read: .*\. Copy or download") as caught:
        read(tmp_path / "v.mp4")
    assert "\n" not in str(caught.value)


def test_what_pyav_itself_raises_is_said_and_our_own_faults_are_not(
    tmp_path: Path, whole: bytes
) -> None:
    (tmp_path / "v.mp4").write_bytes(whole)
    with (
        pytest.raises(NotMedia, match="cannot be read"),
        container.opened(tmp_path / "v.mp4") as opened,
    ):
        opened.seek(0, stream=opened.streams.get(video=7)[0])
    with pytest.raises(ZeroDivisionError), container.opened(tmp_path / "v.mp4"):
        raise ZeroDivisionError


def test_a_name_like_a_pattern_reads_no_other_file(tmp_path: Path) -> None:
    for place, name in enumerate(["me1.png", "me2.png", "me%d.png", "me*.png"]):
        cv2.imwrite(str(tmp_path / name), np.full((8, 8, 3), 60 * place, np.uint8))
    for name, level in {"me%d.png": 120, "me*.png": 180}.items():
        frames = list(read_frames(tmp_path / name))
        assert [int(frame.mean()) for frame in frames] == [level]


def test_what_pyav_raises_further_down_is_said_too(tmp_path: Path, whole: bytes) -> None:
    """An enumeration of Python's that PyAV calls."""
    (tmp_path / "v.mp4").write_bytes(whole)
    with (
        pytest.raises(NotMedia, match="cannot be read"),
        container.opened(tmp_path / "v.mp4") as opened,
    ):
        frame = next(opened.decode(video=0))
        frame.reformat(format="rgb24", src_colorspace="none such")
