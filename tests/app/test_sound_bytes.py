"""Sound that comes over the network."""

import numpy as np
import pytest

from instag.app.sound_bytes import sound_of
from instag.assets.sample_speech import recording
from instag.errors import BadArgument, MediaError
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


def test_files():
    from importlib.resources import files

    content = files("instag").joinpath("bundled", "speech_one.ogg").read_bytes()
    found = sound_of(content, "audio/ogg")
    assert len(found) == pytest.approx(len(recording("speech_one").waveform), abs=800)
    with pytest.raises(MediaError):
        sound_of(b"no sound at all", "")
