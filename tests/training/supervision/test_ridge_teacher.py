"""The speech map is near the observed motion, at rest in silence, and has about its
movement."""

import torch

from instag.motion.landmark_motion import LandmarkMotion
from instag.training.supervision.ridge_teacher import fit_speech_map
from instag.training.supervision.speech_augmentation import augment_speech

CHANNELS = 20
SILENCE = torch.full((CHANNELS, 16), -4.0)


def speaker(frames: int):
    """Speech whose first channels' loudness, smooth in time, opens a mouth of ten points; five more
    points stay out of it."""
    generator = torch.Generator().manual_seed(1)
    loudness = torch.randn(1, 1, frames // 5 + 1, generator=generator)
    loudness = torch.nn.functional.interpolate(loudness, frames, mode="linear")[0, 0]
    speech = -2 + 0.3 * torch.randn(frames, 8, CHANNELS, 16, generator=generator)
    speech[:, :, :5] += loudness[:, None, None, None]
    shift = torch.zeros(frames, 15, 2)
    shift[:, :10, 1] = (-0.005 * loudness)[:, None] - 0.01
    speaks = torch.arange(10)
    motion = LandmarkMotion(
        points=torch.zeros(15, 3), shift=shift, rest=torch.full((15, 2), 0.001), speaks=speaks
    )
    return speech, motion, loudness


def test_follows_speech_it_was_not_fitted_to():
    speech, motion, loudness = speaker(300)
    level = torch.stack([speech.mean(), speech.std()])
    fitted = fit_speech_map(speech[:125], motion, range(125), level=level, silence=SILENCE)
    said = fitted(speech[125:])
    assert said.shape == (175, 10, 2)
    opening = -said[:, 0, 1]
    assert torch.corrcoef(torch.stack([opening, loudness[125:]]))[0, 1] > 0.8
    assert 0.5 < opening.std() / (0.005 * loudness[125:]).std() < 1.2


def test_two_frames_are_enough_to_say_something():
    speech, motion, _ = speaker(10)
    level = torch.stack([speech.mean(), speech.std()])
    assert (
        fit_speech_map(speech[:2], motion, range(2), level=level, silence=SILENCE)(speech)
        .isfinite()
        .all()
    )


def test_augmented_speech_fades_to_silence_and_keeps_the_outside():
    speech, _, _ = speaker(400)
    speech[0, :3] = 0
    level = torch.stack([speech.mean(), speech.std()])
    made = augment_speech(speech, speech.flip(0), level, SILENCE, torch.Generator().manual_seed(0))
    assert not made.features[0, :3].any()
    silent = made.left == 0
    assert 0.05 < silent.float().mean() < 0.25
    assert (made.left == 1).float().mean() > 0.5
    assert abs(float(made.features[silent].mean()) - float(SILENCE.mean())) < 0.1
    assert float(made.meant[silent].mean()) > float(SILENCE.mean()) + 1
