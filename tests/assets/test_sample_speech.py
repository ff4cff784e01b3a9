import numpy as np
import pytest

from instag.assets.sample_speech import BUNDLED, NAMES, recording
from instag.types import SAMPLE_RATE


@pytest.mark.parametrize("name", NAMES)
def test_phonemes_cover_the_sound_without_gaps(name):
    said = recording(name)
    assert said.phonemes[0].start == 0
    assert said.phonemes[-1].end == pytest.approx(said.seconds, abs=0.02)
    for before, after in zip(said.phonemes, said.phonemes[1:], strict=False):
        assert before.end == after.start
        assert before.start < before.end


@pytest.mark.parametrize("name", NAMES)
def test_silences_are_quiet_and_words_are_not(name):
    said = recording(name)

    def loudness(phoneme):
        shrink = 0.25 * (phoneme.end - phoneme.start)
        part = said.waveform[
            round((phoneme.start + shrink) * SAMPLE_RATE) : round(
                (phoneme.end - shrink) * SAMPLE_RATE
            )
        ]
        return float(np.sqrt((part**2).mean()))

    pauses = [loudness(p) for p in said.phonemes if p.name == "_" and p.end - p.start > 0.25]
    vowels = [loudness(p) for p in said.phonemes if p.name in ("a", "A:", "i:", "eI", "O:", "aI")]
    assert max(pauses) < 0.2 * min(vowels)


def test_the_recordings_are_small():
    assert sum(path.stat().st_size for path in BUNDLED.glob("speech_*")) < 150_000
