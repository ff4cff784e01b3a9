"""Sinks: whole when they are closed, nothing is left when they are not."""

import io
import os
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from instag.errors import BadArgument, DiskFull, PipeClosed
from instag.media.reader import probe, read_frames, read_sound
from instag.runtime.write_errors import explain_disk_full
from instag.synthesis import sinks
from instag.synthesis.packet import Packet
from instag.synthesis.sinks import (
    SINKS,
    CameraSink,
    FolderSink,
    FrameSink,
    PipeSink,
    SinkSettings,
    Soundtrack,
    VideoSink,
    open_sink,
)


def packets(count: int = 3) -> Iterator[Packet]:
    """Four frames each, ever brighter, with a tone."""
    for index in range(count):
        first = 4 * index
        images = np.stack([np.full((48, 64, 3), 20 + 3 * (first + k), np.uint8) for k in range(4)])
        times = np.arange(first * 640, (first + 4) * 640) / 16_000
        sound = (0.3 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
        yield Packet(first=first, frames=images, sound=sound)


def fill(sink: FrameSink, count: int = 3) -> None:
    for packet in packets(count):
        sink.write(packet)


def test_a_video_has_the_frames_and_the_sound_of_the_packets(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "out.mp4", SinkSettings(metadata={"comment": "synthetic"})) as sink:
        fill(sink, 6)
        assert not (tmp_path / "out.mp4").exists()
    shown = [float(frame.mean()) for frame in read_frames(tmp_path / "out.mp4")]
    np.testing.assert_allclose(shown, [20 + 3 * index for index in range(24)], atol=2)
    heard = read_sound(tmp_path / "out.mp4")
    assert abs(len(heard) - 24 * 640) <= 1
    tone = np.concatenate([packet.sound for packet in packets(6)])
    assert np.corrcoef(heard[1_000:14_000], tone[1_000:14_000])[0, 1] > 0.99
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["comment"] == "synthetic"


def test_a_soundtrack_is_heard_in_place_of_the_packets(tmp_path: Path) -> None:
    quiet = Soundtrack(pieces=(np.zeros(1_000, np.float32) for _ in range(50)), rate=44_100)
    with VideoSink(tmp_path / "out.mkv", SinkSettings(soundtrack=quiet)) as sink:
        fill(sink)
    assert np.abs(read_sound(tmp_path / "out.mkv")).max() < 1e-3
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.audio[0].rate == 44_100


def test_raw_bytes(tmp_path: Path) -> None:
    frames, sound = io.BytesIO(), io.BytesIO()
    with PipeSink(frames, sound) as sink:
        fill(sink)
    sent = list(packets())
    assert frames.getvalue() == b"".join(packet.frames.tobytes() for packet in sent)
    assert len(sound.getvalue()) == 12 * 640 * 2
    assert np.frombuffer(sound.getvalue(), "<i2").max() == pytest.approx(0.3 * 32767, abs=40)
    assert not frames.closed


def test_a_reader_that_leaves_is_told_of() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with (
        pytest.raises(PipeClosed),
        os.fdopen(writing, "wb") as pipe,
        PipeSink(pipe) as sink,
    ):
        fill(sink)


def test_a_folder_of_frames(tmp_path: Path) -> None:
    with FolderSink(tmp_path / "frames") as sink:
        fill(sink)
        assert not (tmp_path / "frames").exists()
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == [*(f"{index:06d}.png" for index in range(12)), "sound.wav"]
    frame = cv2.imread(str(tmp_path / "frames" / "000005.png"))
    assert frame is not None
    assert frame[0, 0].tolist() == [35, 35, 35]
    with wave.open(str(tmp_path / "frames" / "sound.wav")) as file:
        assert (file.getnframes(), file.getframerate()) == (12 * 640, 16_000)
    with pytest.raises(BadArgument, match="exists already"):
        FolderSink(tmp_path / "frames")


@pytest.mark.parametrize("name", ["video", "frames"])
@pytest.mark.parametrize("written", [0, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_cancelled_write_leaves_nothing(
    tmp_path: Path, name: str, written: int, error: type[BaseException]
) -> None:
    with (
        pytest.raises(error),
        open_sink(tmp_path / "out.mp4", SinkSettings(), name=name) as sink,
    ):
        fill(sink, written)
        raise error
    assert not list(tmp_path.iterdir())


def test_an_error_while_closing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield np.zeros(4_000, np.float32)
        raise OSError("no more sound")

    track = Soundtrack(pieces=broken(), rate=16_000)
    with (
        pytest.raises(OSError, match="no more sound"),
        VideoSink(tmp_path / "out.mp4", SinkSettings(soundtrack=track)) as sink,
    ):
        fill(sink)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def onto_full_disk(target: Path) -> Iterator[Path]:
        with explain_disk_full(target):
            yield Path("/dev/full")

    monkeypatch.setattr(sinks, "atomic_path", onto_full_disk)
    with pytest.raises(DiskFull, match=r"out\.mp4"), VideoSink(tmp_path / "out.mp4") as sink:
        fill(sink, 30)
    assert not list(tmp_path.iterdir())


def test_a_video_needs_frames_and_a_known_ending(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="No frames"), VideoSink(tmp_path / "out.mp4"):
        pass
    with pytest.raises(BadArgument, match="endings"):
        VideoSink(tmp_path / "out.gif")
    assert not list(tmp_path.iterdir())


def test_outputs_choose_their_sinks(tmp_path: Path) -> None:
    assert isinstance(open_sink("-", SinkSettings()), PipeSink)
    assert isinstance(open_sink(tmp_path / "out.mov", SinkSettings()), VideoSink)
    with open_sink(tmp_path / "frames", SinkSettings()) as sink:
        assert isinstance(sink, FolderSink)
    assert isinstance(open_sink("/dev/video7", SinkSettings()), CameraSink)
    assert len({row.name for row in SINKS}) == len(SINKS)
    assert all(row.help for row in SINKS)


def test_odd_sizes_are_written(tmp_path: Path) -> None:
    odd = Packet(
        first=0, frames=np.zeros((2, 33, 47, 3), np.uint8), sound=np.zeros(1280, np.float32)
    )
    with VideoSink(tmp_path / "odd.mp4") as sink:
        sink.write(odd)
    assert (probe(tmp_path / "odd.mp4").width, probe(tmp_path / "odd.mp4").height) == (48, 34)


def test_a_camera_gets_pictures_at_their_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[float] = []

    class Device:
        def __init__(self, path: Path, size: tuple[int, int]) -> None:
            assert size == (64, 48)

        def write(self, picture: np.ndarray) -> None:
            shown.append(time.monotonic())

        def close(self) -> None:
            shown.append(0.0)

    monkeypatch.setattr(sinks, "VideoDevice", Device)
    with CameraSink(tmp_path / "video0") as sink:
        fill(sink, 1)
    assert np.diff(shown[:4]).min() > 0.035
    assert shown[4:] == [0.0]
