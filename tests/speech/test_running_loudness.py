"""The running loudness: near that of the whole recording, and held in pauses."""

import numpy as np
import pytest
import torch

from instag.assets.sample_speech import recording
from instag.speech.loudness import ACTIVE_RMS, loudness_gain
from instag.speech.running_loudness import MIN_LEVEL, RunningLoudness
from instag.types import SAMPLE_RATE, SAMPLES


def heard(samples: np.ndarray, *, spoken: bool = True) -> RunningLoudness:
    loudness = RunningLoudness()
    for start in range(0, len(samples), SAMPLES):
        loudness.follow(samples[start : start + SAMPLES], spoken=spoken)
    return loudness


@pytest.mark.parametrize("volume", [0.3, 1.0, 3.0])
def test_it_comes_near_to_the_whole_recording(volume: float):
    speech = (volume * recording("speech_one").waveform).astype(np.float32)
    whole = loudness_gain(torch.from_numpy(speech))
    assert 1 / 2 < heard(speech).gain / whole < 2


def test_a_pause_keeps_it():
    loudness = heard(0.1 * np.ones(SAMPLE_RATE, np.float32))
    before = loudness.gain
    loudness.follow(np.zeros(4 * SAMPLE_RATE, np.float32), spoken=False)
    assert loudness.gain < 1.1 * before


def test_noise_of_a_room_is_not_made_loud():
    noise = 1e-3 * np.ones(120 * SAMPLE_RATE, np.float32)
    assert heard(noise, spoken=False).gain <= ACTIVE_RMS / MIN_LEVEL
