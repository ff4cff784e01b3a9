"""Videos and sounds that are written here, read back; and each way in which a file can be
unusable."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from instag.errors import BadArgument, DiskFull, FileMissing, NoSound, NotMedia, Truncated
from instag.media import writer
from instag.media.reader import Square, probe, read_frames, read_sound
from instag.media.writer import write_video
from instag.runtime.write_errors import explain_disk_full


def picture(index: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth picture whose brightness tells its index."""
    ramp = np.linspace(0, 40, width)[None, :, None] + np.linspace(0, 40, height)[:, None, None]
    return (ramp + np.array([20, 40, 60]) + index).clip(0, 255).astype(np.uint8)


def tone(seconds: float, rate: int) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(
        np.float32
    )


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 frames at 25 fps with sound."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    write_video(
        path,
        (picture(index) for index in range(60)),
        sound=(tone(2.4, 16_000), 16_000),
        metadata={"comment": "synthetic"},
    )
    return path


def write_with_times(path: Path, times: list[Fraction], rate: int = 25) -> None:
    """A video whose frames are shown at the given times, in seconds; `rate` is what its header
    says."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 3000)
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            frame.pts, frame.time_base = round(time * 3000), Fraction(1, 3000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def brightness(frames: Iterator[np.ndarray] | list[np.ndarray]) -> np.ndarray:
    """The index that each frame of `picture` shows."""
    reference = picture(0).astype(float)
    return np.array([(frame.astype(float) - reference).mean() for frame in frames])


def test_written_video_comes_back(video: Path) -> None:
    info = probe(video)
    assert (info.width, info.height, info.fps, info.seconds) == (64, 48, 25, 2.4)
    assert info.has_picture
    assert info.has_sound
    frames = list(read_frames(video))
    assert len(frames) == 60
    assert abs(frames[30].astype(float) - picture(30)).mean() < 2
    assert (
        abs(
            np.mean(
                [
                    frame.astype(float).mean() - picture(index).mean()
                    for index, frame in enumerate(frames)
                ]
            )
        )
        < 0.4
    )
    with av.open(str(video)) as container:
        assert container.metadata["comment"] == "synthetic"


def test_faststart_puts_the_index_first(video: Path) -> None:
    content = video.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("rate", [16_000, 22_050, 7_777])
@pytest.mark.parametrize("given", [0.5, 3.0])
def test_sound_is_as_long_as_the_picture(tmp_path: Path, rate: int, given: float) -> None:
    path = tmp_path / "out.mp4"
    assert (
        write_video(path, (picture(index) for index in range(50)), sound=(tone(given, rate), rate))
        == 50
    )
    sound = read_sound(path)
    assert abs(len(sound) - 2 * 16_000) <= 640
    heard = tone(given, 16_000)[: len(sound)]
    inner = slice(1600, min(len(heard), len(sound)) - 1600)
    assert np.corrcoef(sound[inner], heard[inner])[0, 1] > 0.99


def test_odd_sizes_are_extended(tmp_path: Path) -> None:
    write_video(tmp_path / "odd.mp4", (picture(index, 33, 47) for index in range(3)))
    assert next(read_frames(tmp_path / "odd.mp4")).shape == (34, 48, 3)


@pytest.mark.parametrize("rate", [30, 24, 50])
def test_constant_rates_become_25(tmp_path: Path, rate: int) -> None:
    """Frame k is the one nearest to k / 25 s."""
    write_with_times(tmp_path / "v.mp4", [Fraction(index, rate) for index in range(2 * rate)], rate)
    shown = brightness(list(read_frames(tmp_path / "v.mp4")))
    assert len(shown) == 50
    assert abs(shown - np.arange(50) * rate / 25).max() < 1


def test_variable_rate_keeps_time(tmp_path: Path) -> None:
    times = [Fraction(step, 100) for step in (0, 4, 8, 41, 44, 48, 52, 101)]
    write_with_times(tmp_path / "v.mp4", times)
    shown = brightness(list(read_frames(tmp_path / "v.mp4")))
    # The nearest frame, but none more than a tenth of a second before its time.
    middles = [max((one + other) / 2, other - Fraction(1, 10)) for one, other in pairwise(times)]
    expected = [sum(Fraction(k, 25) >= middle for middle in middles) for k in range(26)]
    assert abs(shown[:26] - expected).max() < 0.5


def test_square_and_scale(video: Path) -> None:
    whole = next(read_frames(video)).astype(float)
    square = next(read_frames(video, square=Square(x=8, y=4, side=40, size=40)))
    assert abs(square - whole[4:44, 8:48]).mean() < 1.5
    assert next(read_frames(video, square=Square(x=8, y=4, side=40, size=80))).shape == (80, 80, 3)
    assert next(read_frames(video, scale=0.5)).shape == (24, 32, 3)
    assert len(list(read_frames(video, seconds=1.0))) == 25


def test_rotation_is_applied(tmp_path: Path, video: Path) -> None:
    """A telephone's upright video is stored lying down, with a matrix in its header that turns it
    by a quarter."""
    content = video.read_bytes()
    header = content.index(b"tkhd")
    one, minus = (1 << 16).to_bytes(4, "big"), (-1 << 16).to_bytes(4, "big", signed=True)
    start = content.index(one + bytes(12) + one, header)
    (tmp_path / "turned.mp4").write_bytes(
        content[:start] + bytes(4) + one + bytes(4) + minus + bytes(4) + content[start + 20 :]
    )
    info = probe(tmp_path / "turned.mp4")
    assert (info.width, info.height) == (48, 64)
    turned, lying = next(read_frames(tmp_path / "turned.mp4")), next(read_frames(video))
    np.testing.assert_array_equal(turned, np.rot90(lying, -1))
    square = next(read_frames(tmp_path / "turned.mp4", square=Square(x=4, y=8, side=40, size=40)))
    np.testing.assert_array_equal(square, turned[8:48, 4:44])


def test_sound_files(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as stored:
        stored.setnchannels(2)
        stored.setsampwidth(2)
        stored.setframerate(44_100)
        stored.writeframes((np.repeat(tone(1.0, 44_100), 2) * 32767).astype("<i2").tobytes())
    sound = read_sound(path)
    assert abs(len(sound) - 16_000) < 20
    assert np.corrcoef(sound[200:15_800], tone(1.0, 16_000)[200:15_800])[0, 1] > 0.999
    assert not probe(path).has_picture
    with pytest.raises(NotMedia, match="no picture"):
        next(read_frames(path))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"no file .*me\.mp4"):
        probe(tmp_path / "me.mp4")
    with pytest.raises(FileMissing, match="is a folder"):
        probe(tmp_path)


def test_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("these are words, not pictures\n" * 50)
    with pytest.raises(NotMedia, match=r"notes\.mp4"):
        probe(path)
    path.write_bytes(b"")
    with pytest.raises(NotMedia, match="empty"):
        probe(path)


def test_no_sound(tmp_path: Path) -> None:
    write_video(tmp_path / "mute.mp4", (picture(index) for index in range(5)))
    with pytest.raises(NoSound, match=r"mute\.mp4"):
        read_sound(tmp_path / "mute.mp4")


@pytest.mark.parametrize("kept", [0.9, 0.5])
def test_truncated(tmp_path: Path, video: Path, kept: float) -> None:
    path = tmp_path / "cut.mp4"
    content = video.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(Truncated, match=r"cut\.mp4 is cut off"):
        probe(path)


def test_truncated_without_index(tmp_path: Path) -> None:
    """Recorders write the index last: a recording that was cut off has none."""
    write_with_times(tmp_path / "v.mp4", [Fraction(index, 25) for index in range(30)])
    content = (tmp_path / "v.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(content[: content.rindex(b"moov") - 4])
    with pytest.raises(Truncated, match="no index"):
        probe(path)


def test_truncated_matroska_is_noticed_at_its_end(tmp_path: Path) -> None:
    write_video(
        tmp_path / "v.mkv",
        (
            np.random.default_rng(index).integers(0, 255, (64, 64, 3), dtype=np.uint8)
            for index in range(75)
        ),
    )
    content = (tmp_path / "v.mkv").read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(Truncated, match=r"header says 3\.0 s"):
        list(read_frames(path))


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def onto_full_disk(target: Path) -> Iterator[Path]:
        with explain_disk_full(target):
            yield Path("/dev/full")

    monkeypatch.setattr(writer, "atomic_path", onto_full_disk)
    with pytest.raises(DiskFull, match=r"out\.mp4"):
        write_video(
            tmp_path / "out.mp4",
            (picture(index) for index in range(20)),
            sound=(tone(1, 16_000), 16_000),
        )
    assert not list(tmp_path.iterdir())


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield picture(0)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_video(tmp_path / "out.mp4", broken())
    with pytest.raises(BadArgument):
        write_video(tmp_path / "out.mp4", iter(()))
    with pytest.raises(BadArgument, match="endings"):
        write_video(tmp_path / "out.gif", iter([picture(0)]))
    assert not list(tmp_path.iterdir())
