"""Sound that comes over the network."""

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream

from instag.app import sound_bytes
from instag.app.sound_bytes import named, sound_of
from instag.assets.sample_speech import recording
from instag.errors import BadArgument, MediaError, NotAnArtefact
from instag.media.pcm import floats


def test_raw_samples():
    samples = np.arange(-800, 800, dtype="<i2")
    np.testing.assert_array_equal(sound_of(samples.tobytes(), "audio/pcm"), floats(samples))
    doubled = sound_of(samples.tobytes(), "audio/pcm;rate=8000")
    assert len(doubled) == pytest.approx(2 * len(samples), abs=40)


@pytest.mark.parametrize("content", [b"", b"odd"])
def test_what_is_no_raw_sound_is_refused(content: bytes):
    with pytest.raises(BadArgument, match="s16le"):
        sound_of(content, "audio/pcm;rate=16000")


def test_more_than_an_hour_is_refused(monkeypatch: pytest.MonkeyPatch):
    """Two kilobytes of packed silence unpack to minutes, and megabytes to days."""
    with pytest.raises(BadArgument, match="longer than 3600 s"):
        sound_of(bytes(2 * 1_000 * 3_601), "audio/pcm;rate=1000")
    packed = BytesIO()
    with av.open(packed, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        assert isinstance(stream, AudioStream)
        for _ in range(60):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), "s16", "mono")
            frame.sample_rate = 16_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert len(sound_of(packed.getvalue(), "")) == 960_000
    monkeypatch.setattr(sound_bytes, "MOST_S", 30.0)
    with pytest.raises(BadArgument, match="longer than"):
        sound_of(packed.getvalue(), "")


def test_no_name_of_a_temporary_file_is_told():
    with pytest.raises(MediaError, match=r"^This sound is not a video or sound file"):
        sound_of(b"no sound at all", "")


def test_advice_does_not_write_to_a_file_that_nobody_gave(tmp_path: Path):
    file = tmp_path / "x.avatar"
    with pytest.raises(NotAnArtefact) as told, named(file, "This file"):
        raise NotAnArtefact(f"{file} is no avatar. Make it with: instag create VIDEO -o {file}")
    assert str(told.value) == "This file is no avatar. Make it with: instag create VIDEO"


def test_files():
    from importlib.resources import files

    content = files("instag").joinpath("bundled", "speech_one.ogg").read_bytes()
    found = sound_of(content, "audio/ogg")
    assert len(found) == pytest.approx(len(recording("speech_one").waveform), abs=800)
    with pytest.raises(MediaError):
        sound_of(b"no sound at all", "")
