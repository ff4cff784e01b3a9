"""Films in which a flash and a click come at the same times, half a second into each second."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.packet import Packet

from instag.media.reader import read_frames, read_sound

RATE, FPS = 48_000, 25
TICK = Fraction(1, 90_000)
Shift = Callable[[float], float | None]
"""Seconds to add to the stamp of a packet at this time; None leaves it out."""


def unmoved(seconds: float) -> float:
    return 0.0


def clicks(seconds: int) -> np.ndarray:
    """Samples with a click of 10 ms each second."""
    wave = np.zeros(RATE * seconds, np.float32)
    click = 0.9 * np.sin(np.arange(480) * 2 * np.pi * 1000 / RATE)
    for second in range(seconds):
        start = int((second + 0.5) * RATE)
        wave[start : start + 480] = click
    return wave


def film(
    path: Path,
    *,
    seconds: int = 6,
    sound_seconds: int | None = None,
    pictures: Shift = unmoved,
    sounds: Shift = unmoved,
    form: str | None = None,
    codec: str = "aac",
    frames: Sequence[Fraction] | None = None,
    reordered: int = 0,
    photos: bool = False,
    moving: bool = False,
) -> Path:
    """Write a film whose packets are stamped as `pictures` and `sounds` say. frames: when each is
    shown, FPS a second if not given. reordered: frames in a row that are decoded after later
    ones. photos: each picture by itself, as MJPEG. moving: pictures with waves, a whole one each
    second."""
    with av.open(str(path), "w", format=form) as container:
        options = {
            "bf": str(reordered),
            "b-adapt": "0",
            "g": "25",
            "sc_threshold": "0" if moving else "40",
        }
        video = container.add_stream(
            "mjpeg" if photos else "libx264", rate=FPS, options={} if photos else options
        )
        video.width, video.height = 64, 48
        video.pix_fmt = "yuvj420p" if photos else "yuv420p"
        video.codec_context.time_base = TICK if frames else Fraction(1, FPS)
        audio = container.add_stream(codec, rate=RATE, layout="mono")
        packets: list[Packet] = []
        for time in frames or [Fraction(index, FPS) for index in range(FPS * seconds)]:
            picture = np.full((48, 64, 3), 230 if abs(time % 1 - 0.5) < 0.03 else 40, np.uint8)
            if moving:
                picture += waves(float(time))
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = int(time / TICK), TICK
            packets += video.encode(frame)
        packets += video.encode(None)
        assert isinstance(audio, AudioStream)
        packets += encoded(audio, clicks(seconds if sound_seconds is None else sound_seconds))
        for packet in sorted(packets, key=stamp):
            move = (pictures if packet.stream is video else sounds)(stamp(packet))
            if move is not None and packet.pts is not None and packet.dts is not None:
                ticks = round(move / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                container.mux(packet)
    return path


def waves(time: float) -> np.ndarray:
    """Of 0 to 24, that go to the right."""
    return (12 + 12 * np.sin(np.arange(64) / 3 - 7 * time)).astype(np.uint8)[None, :, None]


def encoded(stream: AudioStream, wave: np.ndarray) -> list[Packet]:
    """Packets of one or several channels [channels samples]."""
    packets: list[Packet] = []
    planes = np.atleast_2d(wave)
    form = "flt" if stream.codec_context.name == "libopus" else "fltp"
    size = 960 if form == "flt" else 1024
    for start in range(0, planes.shape[1], size):
        piece = np.ascontiguousarray(planes[:, start : start + size])
        frame = av.AudioFrame.from_ndarray(piece, form, "mono" if len(planes) == 1 else "stereo")
        frame.sample_rate, frame.pts = stream.rate, start
        frame.time_base = Fraction(1, stream.rate)
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


def sound_file(
    path: Path, wave: np.ndarray, *, rate: int = RATE, form: str | None = None, codec: str = "aac"
) -> Path:
    """Write one or two channels [channels samples] as a file without a picture."""
    with av.open(str(path), "w", format=form) as container:
        layout = "mono" if np.ndim(wave) == 1 else "stereo"
        stream = container.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        for packet in encoded(stream, wave):
            container.mux(packet)
    return path


def tone(seconds: float, hertz: float, rate: int = RATE) -> np.ndarray:
    times = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def stamp(packet: Packet) -> float:
    assert packet.dts is not None
    return float(packet.dts * packet.time_base)


def heard(path: Path) -> np.ndarray:
    """Seconds of the clicks."""
    return _starts(np.flatnonzero(np.abs(read_sound(path)) > 0.3) / 16_000)


def seen(path: Path) -> np.ndarray:
    """Seconds of the flashes' middles."""
    bright = [frame.mean() > 120 for frame in read_frames(path)]
    return _starts(np.flatnonzero(bright) / FPS) + 0.02


def _starts(times: np.ndarray) -> np.ndarray:
    return times[np.diff(times, prepend=-1.0) > 0.1]


def loudest_hertz(sound: np.ndarray, rate: int = 16_000) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * rate / len(sound))
