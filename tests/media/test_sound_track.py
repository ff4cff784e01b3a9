"""The choice among sound tracks, and channels that cancel each other."""

from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest
from av.stream import Disposition

from instag.media.flaws import Flaw
from instag.media.reader import probe, read_sound
from media.films import RATE, encoded, loudest_hertz, sound_file, tone

Codec = Literal["aac", "alac"]
SILENCE, VOICE, OTHER = np.zeros(2 * RATE, np.float32), tone(2, 220), tone(2, 550)
HISS = np.random.default_rng(0).normal(0, 1e-3, 2 * RATE).astype(np.float32)


def film_with(
    path: Path,
    tracks: list[np.ndarray],
    default: int | None,
    codecs: tuple[Codec, Codec] = ("aac", "aac"),
) -> Path:
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        streams = [container.add_stream(codec, rate=RATE, layout="mono") for codec in codecs]
        for place, stream in enumerate(streams):
            marked = Disposition.default if place == default else Disposition(0)
            stream.disposition = marked
        packets = []
        for index in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index, np.uint8), "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            packets += video.encode(frame)
        packets += video.encode(None)
        for stream, wave in zip(streams, tracks, strict=True):
            packets += encoded(stream, wave)
        for packet in packets:
            container.mux(packet)
    return path


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
@pytest.mark.parametrize(
    ("tracks", "default", "hertz", "number"),
    [
        ([SILENCE, VOICE], 1, 220, 2),
        ([OTHER, VOICE], 1, 220, 2),
        ([SILENCE, VOICE], 0, 220, 2),
        ([HISS, VOICE], 0, 220, 2),
        ([VOICE / 200, VOICE / 20], 0, 220, 1),
        ([VOICE, OTHER], 0, 220, 1),
    ],
)
def test_the_default_track_else_an_audible_one(
    tmp_path: Path,
    name: str,
    tracks: list[np.ndarray],
    default: int,
    hertz: int,
    number: int,
) -> None:
    said: list[Flaw] = []
    path = film_with(tmp_path / name, tracks, default)
    assert loudest_hertz(read_sound(path, notice=said.append)) == pytest.approx(hertz, abs=2)
    assert f"2 sound tracks; number {number} is heard" in said[0].message
    assert said[0].share == 0


@pytest.mark.parametrize("unknown", [0, 1])
def test_a_track_that_no_decoder_is_here_for_is_passed_over(tmp_path: Path, unknown: int) -> None:
    """Telephones write spatial sound beside AAC."""
    codecs: tuple[Codec, Codec] = ("alac", "aac") if unknown == 0 else ("aac", "alac")
    path = film_with(tmp_path / "v.mp4", [VOICE, VOICE], 0, codecs)
    path.write_bytes(path.read_bytes().replace(b"alac", b"apac"))
    said: list[Flaw] = []
    assert loudest_hertz(read_sound(path, notice=said.append)) == pytest.approx(220, abs=2)
    assert probe(path).has_sound
    assert f"number {2 - unknown} is heard (no decoder is here for the others)" in said[0].message


def test_channels_that_cancel_are_not_mixed(tmp_path: Path) -> None:
    path = sound_file(tmp_path / "turned.flac", np.stack([VOICE, -VOICE]), codec="flac")
    said: list[Flaw] = []
    sound = read_sound(path, notice=said.append)
    assert np.sqrt(np.square(sound).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)
    assert "cancel" in said[0].message


@pytest.mark.parametrize("right", [VOICE, SILENCE, OTHER])
def test_other_channels_are_mixed(tmp_path: Path, right: np.ndarray) -> None:
    path = sound_file(tmp_path / "two.flac", np.stack([VOICE, right]), codec="flac")
    said: list[Flaw] = []
    assert loudest_hertz(read_sound(path, notice=said.append)) in (
        pytest.approx(220, abs=2),
        pytest.approx(550, abs=2),
    )
    assert not said
