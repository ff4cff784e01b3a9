"""What goes wrong on real files, told by the command line: an exit code, a line that names the file
and the next step, nothing half written."""

import itertools
import json
import os
import tempfile
import wave
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from instag.media.writer import write_video
from instag.synthetic import Speaker, perform, recording

SOUND_RATE = 16_000


def hum(seconds: float) -> np.ndarray:
    """A quiet tone."""
    return 0.2 * np.sin(np.arange(round(seconds * SOUND_RATE)) * 0.05).astype(np.float32)


def empty_room(seconds: float) -> list[np.ndarray]:
    """Frames of a soft gradient: nobody is there."""
    row = np.linspace(60, 180, 256, dtype=np.float32)
    picture = np.stack(
        [
            row[None] + 0 * row[:, None],
            row[:, None] + 0 * row[None],
            np.full((256, 256), 120, np.float32),
        ],
        axis=-1,
    )
    return [(picture + index % 3).astype(np.uint8) for index in range(round(seconds * 25))]


def speaking(seed: int, seconds: float) -> list[np.ndarray]:
    """Frames of a synthetic speaker, a few of them there and back."""
    performance = perform(Speaker(seed, size=192), recording(), seconds=0.4, size=192)
    painted = list(performance.pictures())
    around = [*painted, *painted[-2:0:-1]]
    return [around[index % len(around)] for index in range(round(seconds * 25))]


@pytest.fixture(scope="module")
def first() -> list[np.ndarray]:
    """2.4 s of one person."""
    return speaking(0, 2.4)


@pytest.fixture(scope="module")
def second() -> list[np.ndarray]:
    """2.4 s of another one."""
    return speaking(1, 2.4)


def video(path: Path, frames: Iterable[np.ndarray], *, sound: bool = True) -> Path:
    frames = list(frames)
    write_video(path, frames, sound=(hum(len(frames) / 25), SOUND_RATE) if sound else None)
    return path


def assert_told(result, *words: str, code: int = 1) -> None:
    """One line on standard error with all the words in it, and the exit code."""
    assert result.exit_code == code
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    for word in words:
        assert word in errors[0]


def assert_nothing_written(folder: Path) -> None:
    """No file at all, temporary ones included."""
    assert [path.name for path in folder.rglob("*") if path.is_file()] == []


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder for outputs alone."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def create(run: Callable, out: Path) -> Callable:
    """`create(video)` runs `instag create` on it."""
    return lambda path, *options: run("create", path, "-o", out / "me.avatar", *options)


def test_no_such_file(create, out: Path, tmp_path: Path) -> None:
    assert_told(create(tmp_path / "me.mp4"), "me.mp4", "Check the name")
    assert_nothing_written(out)


@pytest.mark.parametrize(
    "command, output",
    [
        (("create", "me.mp4"), "x.avatar"),
        (("speak", "me.avatar", "speech.wav"), "x.mp4"),
        (("evaluate", "me.avatar", "me.clip"), "x"),
        (("demo",), "x"),
    ],
)
@pytest.mark.usefixtures("empty_inputs")
def test_a_device_that_does_not_exist(
    run: Callable, out: Path, command: tuple[str, ...], output: str
) -> None:
    assert_told(
        run(*command, "-o", out / output, "--device", "toaster"),
        "toaster",
        "Choose auto, cpu",
        code=2,
    )
    assert_nothing_written(out)


def test_not_a_video(create, out: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("These are words. " * 100)
    assert_told(create(path), "notes.mp4", "Give an mp4")
    assert_nothing_written(out)


def test_sound_alone_is_not_a_video(create, out: Path, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SOUND_RATE, 0, "NONE", ""))
        file.writeframes((hum(3) * 32767).astype("<i2").tobytes())
    assert_told(create(path), "speech.wav", "video")
    assert not (out / "me.avatar").exists()


def test_no_sound(create, out: Path, tmp_path: Path) -> None:
    assert_told(
        create(video(tmp_path / "mute.mp4", empty_room(3), sound=False)),
        "mute.mp4",
        "no sound",
        "Give a video with speech",
    )
    assert_nothing_written(out)


def test_shorter_than_two_seconds(create, out: Path, tmp_path: Path) -> None:
    assert_told(
        create(video(tmp_path / "blink.mp4", empty_room(1.2))),
        "blink.mp4",
        "1.2 s",
        "Record a longer video",
    )
    assert_nothing_written(out)


def test_truncated(create, out: Path, tmp_path: Path) -> None:
    path = video(tmp_path / "cut.mp4", empty_room(3))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert_told(create(path), "cut.mp4", "cut off", "Copy or download it again")
    assert_nothing_written(out)


def test_no_face(create, out: Path, tmp_path: Path) -> None:
    assert_told(
        create(video(tmp_path / "room.mp4", empty_room(2.4))), "room.mp4", "No face", "--crop"
    )
    assert not (out / "me.avatar").exists()


def test_two_faces(
    create, out: Path, tmp_path: Path, first: list[np.ndarray], second: list[np.ndarray]
) -> None:
    path = video(
        tmp_path / "pair.mp4", (np.hstack(pair) for pair in zip(first, second, strict=True))
    )
    assert_told(create(path), "pair.mp4", "Two faces", "--crop")
    assert not (out / "me.avatar").exists()


def test_face_lost_midway(create, out: Path, tmp_path: Path, first: list[np.ndarray]) -> None:
    room = [picture[:192, :192] for picture in empty_room(0.48)]
    path = video(tmp_path / "leaves.mp4", [*first[:30], *room, *first[30:]])
    assert_told(create(path), "leaves.mp4", "0:01.2")
    assert not (out / "me.avatar").exists()


def test_crop_outside_the_picture(create, tmp_path: Path) -> None:
    assert_told(
        create(video(tmp_path / "room.mp4", empty_room(2.4)), "--crop", "5000,0,100"),
        "--crop",
        code=2,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk(create, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/full stands where the first file would be written: the kernel refuses every byte, as on
    a full disk."""
    path = video(tmp_path / "room.mp4", empty_room(2.4))
    numbers = itertools.count()

    def on_full_disk(*, prefix: str, suffix: str, **place: Path) -> tuple[int, str]:
        name = Path(place["dir"]) / f"{prefix}{next(numbers)}{suffix}"
        name.symlink_to("/dev/full")
        return os.open(name, os.O_WRONLY), str(name)

    monkeypatch.setattr(tempfile, "mkstemp", on_full_disk)
    assert_told(create(path), "disk is full", str(out), "run the same command again")
    assert_nothing_written(out)


def test_clip_of_a_newer_format(run, out: Path, tmp_path: Path) -> None:
    folder = tmp_path / "me.clip"
    folder.mkdir()
    (folder / "clip.json").write_text(json.dumps({"format_version": 99}))
    assert_told(
        run("adapt", folder, "-o", out / "me.avatar"), "me.clip", "99", "pip install -U instag"
    )
    assert_nothing_written(out)


def test_folder_that_is_no_clip(run, out: Path, tmp_path: Path) -> None:
    assert_told(run("adapt", tmp_path, "-o", out / "me.avatar"), str(tmp_path), "instag prepare")
    assert_nothing_written(out)


def test_avatar_of_a_newer_format(run, out: Path, tmp_path: Path, empty_inputs: Path) -> None:
    path = tmp_path / "me.avatar"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("avatar.json", json.dumps({"format_version": 99}))
    assert_told(
        run("speak", path, empty_inputs / "speech.wav", "-o", out / "out.mp4"),
        "me.avatar",
        "99",
        "pip install -U instag",
    )
    assert_nothing_written(out)


def test_file_that_is_no_avatar(run, out: Path, tmp_path: Path, empty_inputs: Path) -> None:
    path = tmp_path / "me.avatar"
    path.write_bytes(b"PK\x03\x04 and then nothing")
    assert_told(
        run("speak", path, empty_inputs / "speech.wav", "-o", out / "out.mp4"),
        "me.avatar",
        "instag create",
    )
    assert_nothing_written(out)


def test_folder_with_other_files_is_left_alone(run, tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    folder.mkdir()
    (folder / "beach.txt").write_text("mine")
    assert_told(
        run("prepare", video(tmp_path / "room.mp4", empty_room(2.4)), "-o", folder),
        "holiday",
        "Choose a new folder",
        code=2,
    )
    assert [path.name for path in folder.iterdir()] == ["beach.txt"]
