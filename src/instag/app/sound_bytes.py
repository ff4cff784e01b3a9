"""Sound as bytes that came over the network, decoded."""

import re
import tempfile
from pathlib import Path

import numpy as np
from jaxtyping import Float

from instag.errors import BadArgument
from instag.media.container import SAMPLE_RATES
from instag.media.pcm import floats
from instag.media.pcm_resampler import PcmResampler, mono_frame
from instag.media.reader import read_sound
from instag.types import SAMPLE_RATE

PCM = re.compile(r"audio/pcm(?:\s*;\s*rate=(\d{1,7}))?\s*$")


def decode_sound(content: bytes) -> Float[np.ndarray, " n"]:
    """A sound file, or a video's sound: mono, 16 kHz. Raises what read_sound raises."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sound"
        file.write_bytes(content)
        return read_sound(file, rate=SAMPLE_RATE)


def sound_of(content: bytes, content_type: str) -> Float[np.ndarray, " n"]:
    """The same, or raw samples where the type is `audio/pcm;rate=16000`: s16le, mono. Raises
    BadArgument, and what read_sound raises."""
    raw = PCM.match(content_type)
    if raw is None:
        return decode_sound(content)
    rate = int(raw[1] or SAMPLE_RATE)
    if not SAMPLE_RATES[0] <= rate <= SAMPLE_RATES[1] or not content or len(content) % 2:
        raise BadArgument("audio/pcm is s16le mono: two bytes a sample, rate=16000 or another.")
    samples = np.frombuffer(content, "<i2")
    if rate == SAMPLE_RATE:
        return floats(samples)
    resampler = PcmResampler(SAMPLE_RATE)
    return floats(np.concatenate([resampler(mono_frame(samples, rate)), resampler(None)]))
