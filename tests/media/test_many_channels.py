"""Sound of many or unusual channels: PyAV reads beyond eight planes, FFmpeg mixes not all
layouts."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream

from instag.media.many_channels import can_mix
from instag.media.reader import read_sound, stream_sound
from media.films import RATE, clicks, heard


def wav(path: Path, planes: np.ndarray, mask: int = 0, rate: int = 16_000) -> Path:
    """16 bits; mask: which loudspeakers the channels are of."""
    count = len(planes)
    header = struct.pack("<HHIIHH", 0xFFFE, count, rate, rate * count * 2, count * 2, 16)
    header += struct.pack("<HHI", 22, 16, mask) + bytes.fromhex("0100000000001000800000aa00389b71")
    data = (planes.T * 32_767).astype("<i2").tobytes()
    body = b"WAVEfmt " + struct.pack("<I", len(header)) + header
    body += b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.mark.parametrize(
    ("count", "mask"),
    [(7, 0), (8, 0), (8, 0x63F), (9, 0), (9, 0x1FF), (16, 0), (64, 0), (2, 0x9), (2, 0x600)],
)
def test_any_channels_are_mixed(tmp_path: Path, count: int, mask: int) -> None:
    """All the same, at any number and place of loudspeakers."""
    wave = clicks(3)[::3]
    path = wav(tmp_path / "many.wav", np.repeat(wave[None], count, 0), mask)
    np.testing.assert_allclose(heard(path), [0.5, 1.5, 2.5], atol=0.01)
    pair = np.concatenate(list(stream_sound(path, 16_000, stereo=True)))
    assert pair.shape == (48_000, 2)
    assert np.abs(pair).max() > 0.2


@pytest.mark.parametrize("count", [8, 9, 12])
def test_one_voice_among_many_channels_is_taken_alone(tmp_path: Path, count: int) -> None:
    planes = np.zeros((count, 48_000), np.float32)
    planes[5] = clicks(3)[::3]
    assert np.abs(read_sound(wav(tmp_path / "one.wav", planes))).max() > 0.05


def film_of_8_channels(path: Path, hole: tuple[float, float]) -> Path:
    """A click each second in 7.1, whose packets between two times are missing."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac", rate=RATE, layout="7.1")
        assert isinstance(sound, AudioStream)
        for index in range(150):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        wave, form = clicks(6), av.AudioResampler("fltp", "7.1", RATE)
        packets = []
        for start in range(0, len(wave), 1024):
            packed = np.repeat(wave[start : start + 1024, None], 8, 1).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(packed), "flt", "7.1")
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            packets += [packet for each in form.resample(frame) for packet in sound.encode(each)]
        for packet in [*packets, *sound.encode(None)]:
            if packet.pts is None or not hole[0] <= packet.pts * packet.time_base < hole[1]:
                container.mux(packet)
    return path


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_holes_in_sound_of_eight_channels_are_silent(tmp_path: Path, name: str) -> None:
    path = film_of_8_channels(tmp_path / name, (2.0, 4.0))
    np.testing.assert_allclose(heard(path), [0.5, 1.5, 4.5, 5.5], atol=0.03)


def test_samples_of_64_bits(tmp_path: Path) -> None:
    samples = (np.repeat(clicks(2)[::3, None], 2, 1) * 2.0**62).astype("<i8").tobytes()
    header = struct.pack("<HHIIHH", 1, 2, 16_000, 256_000, 16, 64)
    body = b"WAVEfmt " + struct.pack("<I", len(header)) + header
    body += b"data" + struct.pack("<I", len(samples)) + samples
    (tmp_path / "wide.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    np.testing.assert_allclose(heard(tmp_path / "wide.wav"), [0.5, 1.5], atol=0.01)


def test_what_can_be_mixed() -> None:
    assert all(can_mix(layout) for layout in ("mono", "stereo", "5.1", "7.1"))
    assert not can_mix("9 channels")
