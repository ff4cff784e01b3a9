"""Sound delay: found where it is known, and not believed where nothing can be told."""

import numpy as np
import pytest
import torch

from instag.capture.sound_delay import best_delay, seen_curves, sound_delay
from instag.speech.lip_motion import LipMotion
from instag.synthetic import Speaker, perform
from instag.synthetic.recordings import recording

HEARING = LipMotion()


@pytest.mark.parametrize("late", [-160, 0, 90, 240])
def test_curves_of_the_voice_itself_give_the_delay(late: int) -> None:
    said = recording("speech_one").waveform
    sound = np.concatenate([np.zeros(6_400, np.float32), said, np.zeros(6_400, np.float32)])
    curves = HEARING.curves(torch.from_numpy(sound)).numpy()
    later = np.roll(sound, round(late * 16))
    found = best_delay(HEARING.curves(torch.from_numpy(later)).numpy(), curves)
    assert found is not None
    assert found.ms == pytest.approx(late, abs=20)
    assert found.sure


def test_still_lips_tell_nothing() -> None:
    points = np.random.default_rng(0).random((1, 478, 3)).repeat(120, 0)
    assert seen_curves(points).shape == (120, 3)
    assert sound_delay(recording("speech_one").waveform[: 120 * 640], points, HEARING) is None
    assert sound_delay(recording("speech_one").waveform[:640], points[:1], HEARING) is None


def test_noise_is_not_believed() -> None:
    draw = np.random.default_rng(0)
    sure = [found.sure for found in (best_delay(draw.random((250, 3)), draw.random((250, 3))) for _ in range(20)) if found is not None]
    assert sum(sure) <= 2


@pytest.mark.parametrize("late", [0, 120])
def test_of_the_synthetic_speaker(late: int) -> None:
    performance = perform(Speaker(0, size=64), recording("speech_one"), size=64)
    landmarks = np.stack([performance.truth(index).landmarks for index in range(len(performance))])
    sound = np.roll(performance.said.waveform, late * 16)
    found = sound_delay(sound, landmarks, HEARING)
    assert found is not None
    assert found.ms == pytest.approx(late, abs=50)
    assert found.sure
