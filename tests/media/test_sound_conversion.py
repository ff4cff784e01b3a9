"""Sound whose rate or channels change within a file, and sound in stereo."""

from pathlib import Path

import av
import numpy as np
import pytest

from instag.media.flaws import Flaw
from instag.media.reader import find_sound, read_sound, stream_sound
from instag.media.sound_conversion import SoundConverter, is_coded
from instag.media.writer import VideoWriter
from media.films import film, loudest_hertz, sound_file, tone


def joined(tmp_path: Path, suffix: str, form: str, rate: int, *, stereo: bool) -> Path:
    """3 s of 440 Hz at 48 kHz, then 3 s of 880 Hz."""
    low = tone(3, 440)
    first = sound_file(tmp_path / f"1{suffix}", np.stack([low, low]) if stereo else low, form=form)
    second = sound_file(tmp_path / f"2{suffix}", tone(3, 880, rate), rate=rate, form=form)
    path = tmp_path / f"joined{suffix}"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    return path


@pytest.mark.parametrize(
    ("suffix", "form", "rate", "stereo"),
    [
        (".aac", "adts", 22_050, True),
        (".aac", "adts", 48_000, True),
        (".aac", "adts", 44_100, False),
        (".ts", "mpegts", 44_100, True),
    ],
)
def test_rate_and_layout_may_change(
    tmp_path: Path, suffix: str, form: str, rate: int, stereo: bool
) -> None:
    sound = read_sound(joined(tmp_path, suffix, form, rate, stereo=stereo))
    assert len(sound) / 16_000 == pytest.approx(6.0, abs=0.12)
    assert loudest_hertz(sound[8_000:40_000]) == pytest.approx(440, abs=2)
    assert loudest_hertz(sound[56_000:88_000]) == pytest.approx(880, abs=2)


def test_stereo_stays_stereo(tmp_path: Path) -> None:
    source = sound_file(tmp_path / "in.flac", np.stack([tone(2, 300), tone(2, 700)]), codec="flac")
    assert find_sound(source).channels == 2
    pieces = list(stream_sound(source, 44_100, stereo=True))
    with VideoWriter(
        tmp_path / "out.mp4", "mp4", (64, 48), sound_rate=44_100, stereo=True
    ) as writer:
        samples = np.concatenate(pieces)
        for index in range(50):
            piece = samples[index * 1764 : (index + 1) * 1764]
            writer.add(np.zeros((48, 64, 3), np.uint8), piece)
    back = np.concatenate(list(stream_sound(tmp_path / "out.mp4", 16_000, stereo=True)))
    assert back.shape[1] == 2
    assert loudest_hertz(back[:, 0]) == pytest.approx(300, abs=2)
    assert loudest_hertz(back[:, 1]) == pytest.approx(700, abs=2)


def test_mono_is_one_channel(tmp_path: Path) -> None:
    assert find_sound(film(tmp_path / "v.mp4", seconds=1)).channels == 1


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_no_sound_is_silent_and_said(tmp_path: Path, number: float, channels: int) -> None:
    wave = np.repeat(tone(2, 440)[None], channels, 0)
    wave[-1, 20_000:20_480] = number
    path = sound_file(tmp_path / "bad.wav", wave.squeeze(), codec="pcm_f32le")
    said: list[Flaw] = []
    sound = read_sound(path, notice=said.append)
    assert len(sound) == 32_000
    assert np.abs(sound).max() < 1
    assert loudest_hertz(sound) == pytest.approx(440, abs=2)
    assert [flaw.aspect for flaw in said] == ["sound"]
    assert "no numbers" in said[0].message
    assert 0.004 < said[0].share < 0.02


@pytest.mark.parametrize(("codec", "loudest"), [("mp3", 0.5), ("ac3", 0.5), ("pcm_f32le", 30.0)])
def test_a_frame_that_no_codec_makes_of_sound_is_silent(codec: str, loudest: float) -> None:
    """Decoders make samples of 30 times full scale of damaged bytes; files of floating point may
    hold them."""
    frames = []
    for number in range(10):
        samples = np.full((1, 1_600), 0.5, np.float32)
        samples[0, 800:900] = 30.0 if number == 4 else 0.5
        frames.append(av.AudioFrame.from_ndarray(samples, "fltp", "mono"))
        frames[-1].sample_rate = 16_000
    converter = SoundConverter(16_000, coded=is_coded(av.Codec(codec, "r")))
    sound = np.concatenate(list(converter.convert(frames)))
    assert abs(sound).max() == loudest
    assert converter.unreal == (1_600 if loudest == 0.5 else 0)
    assert np.count_nonzero(sound) == len(sound) - converter.unreal
