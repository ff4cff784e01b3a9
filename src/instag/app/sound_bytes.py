"""Sound as bytes that came over the network, decoded."""

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Float

from instag.errors import BadArgument, InstagError
from instag.media.container import SAMPLE_RATES
from instag.media.pcm import floats
from instag.media.pcm_resampler import PcmResampler, mono_frame
from instag.media.reader import stream_sound
from instag.types import SAMPLE_RATE

PCM = re.compile(r"audio/pcm(?:\s*;\s*rate=(\d{1,7}))?\s*$")


MOST_S = 3600.0
"""Of sound in one request: a megabyte of packed silence unpacks to days."""
TOO_LONG = BadArgument(f"This sound is longer than {MOST_S:.0f} s. Send it in shorter pieces.")


def decode_sound(content: bytes) -> Float[np.ndarray, " n"]:
    """A sound file, or a video's sound: mono, 16 kHz. Raises BadArgument where it is longer than
    MOST_S, and what read_sound raises, without the name of a file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sound"
        file.write_bytes(content)
        with named(file, "This sound"):
            return _bounded(stream_sound(file, rate=SAMPLE_RATE))


def _bounded(pieces: Iterable[np.ndarray]) -> Float[np.ndarray, " n"]:
    kept, count = [np.zeros(0, np.float32)], 0
    for piece in pieces:
        kept.append(piece)
        count += len(piece)
        if count > MOST_S * SAMPLE_RATE:
            raise TOO_LONG
    return np.concatenate(kept)


@contextmanager
def named(file: Path, name: str) -> Iterator[None]:
    """Errors in the block with a name in place of a temporary file's, which nobody gave."""
    try:
        yield
    except InstagError as error:
        told = str(error).replace(f" -o {file}", "").replace(str(file), name)
        raise type(error)(told) from error


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
    if len(samples) > MOST_S * rate:
        raise TOO_LONG
    if rate == SAMPLE_RATE:
        return floats(samples)
    resampler = PcmResampler(SAMPLE_RATE)
    return floats(np.concatenate([resampler(mono_frame(samples, rate)), resampler(None)]))
