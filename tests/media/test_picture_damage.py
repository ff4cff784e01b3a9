"""Damage of a few bytes: it is said where the decoder, a stricter one, or the container notices."""

import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from instag.media.flaws import Flaw
from instag.media.reader import read_frames
from instag.media.strict_decoder import STRICT

COUNT, GOP = 75, 25
TS = 188
"""Bytes of a transport stream's packet; its second and third: the picture's number, 256, without
the mark of a beginning."""
FAST = {
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "b": "400k"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "b": "400k"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1:scenecut=0"},
    "mpeg2video": {"b": "800k"},
    "libx264": {"preset": "ultrafast", "sc_threshold": "0"},
}


def picture(index: int) -> np.ndarray:
    rows, columns = np.mgrid[:96, :128]
    waves = 50 * np.sin(columns / 9 + index / 5) + 40 * np.cos(rows / 7 - index / 6)
    noise = np.random.default_rng(index).normal(0, 4, waves.shape)
    return (128 + waves + noise).clip(0, 255).astype(np.uint8)[..., None].repeat(3, 2)


def film(path: Path, codec: str) -> Path:
    """A whole picture each second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=FAST[codec])
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 128, 96, "yuv420p", GOP
        for index in range(COUNT):
            frame = av.VideoFrame.from_ndarray(picture(index), "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def spoiled(path: Path, numbers: list[int], *, share: float) -> Path:
    """The film with the ends of these packets overwritten: of each so much."""
    chance, content = random.Random(1), bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        for number in numbers:
            packet = packets[number]
            assert packet.pos is not None
            end = packet.pos + packet.size
            for place in range(end - int(share * (packet.size - 12)), end):
                content[place] = chance.randrange(256)
    path.write_bytes(content)
    return path


def damaged(path: Path) -> tuple[int, int]:
    """How many frames there are, and how many are said to be damaged."""
    said: list[Flaw] = []
    count = sum(1 for _ in read_frames(path, notice=said.append))
    return count, round(said[0].share * count) if said else 0


def has_strict_decoder() -> bool:
    try:
        return av.Codec(STRICT["vp9"], "r").is_decoder
    except ValueError:
        return False


@pytest.mark.parametrize("codec", FAST)
def test_whole_pictures_are_not_damaged(tmp_path: Path, codec: str) -> None:
    assert damaged(film(tmp_path / "v.mkv", codec)) == (COUNT, 0)


def test_a_stream_without_a_container_begins_with_its_first_picture(tmp_path: Path) -> None:
    """FFmpeg makes its times up, and the first is not 0."""
    assert damaged(film(tmp_path / "v.m2v", "mpeg2video")) == (COUNT, 0)


@pytest.mark.skipif(not has_strict_decoder(), reason="PyAV was built without libvpx")
@pytest.mark.parametrize("name", ["v.mp4", "v.webm"])
def test_bytes_of_vp9(tmp_path: Path, name: str) -> None:
    """FFmpeg's decoder makes a picture of any bytes."""
    path = spoiled(film(tmp_path / name, "libvpx-vp9"), [30], share=0.5)
    count, found = damaged(path)
    assert count == COUNT
    assert found == pytest.approx(20, abs=1)


def test_a_first_picture_of_vp9(tmp_path: Path) -> None:
    """FFmpeg's decoder is stuck after it."""
    count, found = damaged(spoiled(film(tmp_path / "v.webm", "libvpx-vp9"), [0], share=1.0))
    assert count == COUNT
    assert found == pytest.approx(GOP, abs=1)


def test_pictures_of_vp8(tmp_path: Path) -> None:
    """With a thread for each picture FFmpeg's decoder says nothing."""
    count, found = damaged(spoiled(film(tmp_path / "v.webm", "libvpx"), [30], share=1.0))
    assert count == COUNT
    assert found == pytest.approx(20, abs=1)


@pytest.mark.parametrize("codec", ["libx265", "libvpx"])
def test_checksums_of_matroska(tmp_path: Path, codec: str) -> None:
    """They tell where no decoder notices, of some seconds together."""
    path = spoiled(film(tmp_path / "v.mkv", codec), [30], share=0.5)
    count, found = damaged(path)
    assert count == COUNT
    assert GOP - 2 <= found <= COUNT


@pytest.mark.parametrize("number", [0, 30])
def test_pictures_of_mpeg_2_without_a_header(tmp_path: Path, number: int) -> None:
    """They are passed over without an error."""
    path = spoiled(film(tmp_path / "v.mkv", "mpeg2video"), [number], share=1.0)
    count, found = damaged(path)
    assert count == COUNT
    assert found == pytest.approx(GOP - number % GOP, abs=1)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg2video", "libvpx", "libvpx-vp9"])
def test_the_last_pictures(tmp_path: Path, codec: str) -> None:
    """The video is as long as it was: the last picture that came is held."""
    path = spoiled(film(tmp_path / "v.mkv", codec), [*range(65, COUNT)], share=1.0)
    count, found = damaged(path)
    assert count == pytest.approx(COUNT, abs=1)
    assert found == pytest.approx(10, abs=4)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_packets_that_a_transport_stream_lost(tmp_path: Path, codec: str) -> None:
    """Their numbers show it."""
    path = film(tmp_path / "v.ts", codec)
    content = path.read_bytes()
    packets = [content[place : place + TS] for place in range(0, len(content), TS)]
    goes_on = [number for number, each in enumerate(packets) if each[1:3] == b"\x01\x00"]
    del packets[goes_on[len(goes_on) // 2]]
    path.write_bytes(b"".join(packets))
    assert damaged(path)[1] > 0


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg2video"])
def test_joined_transport_streams_are_whole(tmp_path: Path, codec: str) -> None:
    """Where they join, the numbers of their packets jump."""
    path = film(tmp_path / "v.ts", codec)
    path.write_bytes(path.read_bytes() * 2)
    assert damaged(path) == (2 * COUNT, 0)
