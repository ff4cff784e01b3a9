"""The choice among tracks of pictures: a film's own, not its thumbnail; and tracks for which no
decoder is here."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.stream import VideoStream

from instag.errors import NoSound, NotMedia
from instag.media.flaws import Flaw
from instag.media.reader import check_picture, probe, read_frames, read_sound
from media.films import film, heard, seen

NONE, DEFAULT = Disposition(0), Disposition.default
STILL = Disposition.still_image


def film_of(path: Path, *tracks: tuple[str, int, int, Disposition]) -> Path:
    """Tracks of a codec, a number of pictures, a brightness and flags."""
    with av.open(str(path), "w") as container:
        streams = []
        for codec, _, _, flags in tracks:
            stream = container.add_stream(codec, rate=25)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = {"mjpeg": "yuvj420p", "png": "rgb24"}.get(codec, "yuv420p")
            stream.disposition = flags
            streams.append(stream)
        packets = []
        for stream, (_, count, bright, _) in zip(streams, tracks, strict=True):
            for index in range(count):
                picture = np.full((48, 64, 3), bright, np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, "rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                packets += stream.encode(frame)
            packets += stream.encode(None)
        for packet in sorted(packets, key=lambda each: each.dts * each.time_base):
            container.mux(packet)
    return path


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
@pytest.mark.parametrize(
    "first",
    [
        ("mjpeg", 1, 90, NONE),
        ("mjpeg", 1, 90, DEFAULT),
        ("mjpeg", 6, 90, DEFAULT),
        ("libx264", 50, 90, NONE),
    ],
)
def test_a_thumbnail_before_the_film(
    tmp_path: Path, name: str, first: tuple[str, int, int, Disposition]
) -> None:
    path = film_of(tmp_path / name, first, ("libx264", 50, 200, DEFAULT))
    said: list[Flaw] = []
    frames = list(read_frames(path, notice=said.append))
    assert len(frames) == 50
    assert frames[0].mean() == pytest.approx(200, abs=4)
    assert probe(path).fps == 25
    assert ["number 2 is shown" in flaw.message for flaw in said] == (
        [True] if first[0] == "libx264" else []
    )


def test_a_still_picture_before_the_film(tmp_path: Path) -> None:
    path = film_of(tmp_path / "v.mp4", ("png", 1, 90, STILL), ("libx264", 50, 200, NONE))
    assert len(list(read_frames(path))) == 50


@pytest.mark.parametrize("codec", ["mjpeg", "png", "libx264"])
def test_a_film_of_photos_and_a_single_picture_are_read(tmp_path: Path, codec: str) -> None:
    for count in (1, 50):
        path = film_of(tmp_path / f"{count}.mov", (codec, count, 200, NONE))
        assert len(list(read_frames(path))) == count


def renamed(path: Path, codec: bytes) -> Path:
    """The film with one of its codecs called by a name that nobody knows."""
    path.write_bytes(path.read_bytes().replace(codec, codec[:-1] + b"Z"))
    return path


@pytest.mark.parametrize(
    ("name", "picture", "sound"),
    [("v.mp4", b"avc1", b"alac"), ("v.mkv", b"V_MPEG4/ISO/AVC", b"A_ALAC")],
)
def test_codecs_that_nobody_knows(tmp_path: Path, name: str, picture: bytes, sound: bytes) -> None:
    path = renamed(film(tmp_path / f"a{name}", codec="alac"), picture)
    np.testing.assert_allclose(heard(path), np.arange(6) + 0.5, atol=0.03)
    assert not probe(path).has_picture
    for read in (check_picture, lambda path: next(read_frames(path))):
        with pytest.raises(NotMedia, match="no decoder is here for its pictures"):
            read(path)
    path = renamed(film(tmp_path / f"b{name}", codec="alac"), sound)
    np.testing.assert_allclose(seen(path), np.arange(6) + 0.5, atol=0.03)
    with pytest.raises(NoSound, match="no decoder is here for its sound"):
        read_sound(path)
    with pytest.raises(NotMedia, match="no decoder is here for its pictures"):
        probe(renamed(film_of(tmp_path / f"c{name}", ("libx264", 50, 90, NONE)), picture))
