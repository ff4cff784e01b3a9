from itertools import pairwise

import numpy as np
import pytest

from instag.assets.sample_speech import NAMES, Phoneme, recording
from instag.synthetic.acting import act, mouth_curves, visemes_of


def said(*names, each=0.12):
    return tuple(
        Phoneme(name=name, start=k * each, end=(k + 1) * each) for k, name in enumerate(names)
    )


def middle(phonemes, k):
    return np.array([(phonemes[k].start + phonemes[k].end) / 2])


@pytest.mark.parametrize("closed", ["p", "b", "m"])
def test_bilabials_press_the_lips_between_open_vowels(closed):
    phonemes = said("A:", closed, "A:")
    assert mouth_curves(phonemes, middle(phonemes, 1))["press"][0] > 0.9
    assert mouth_curves(phonemes, middle(phonemes, 0))["press"][0] < 0.1


def test_open_vowels_open_more_than_close_ones_and_rounded_ones_round():
    phonemes = said("_", "A:", "_", "i:", "_", "u:", "_")
    at = {k: mouth_curves(phonemes, middle(phonemes, k)) for k in (1, 3, 5)}
    assert at[1]["jaw"][0] > 2 * at[3]["jaw"][0]
    assert at[5]["rounding"][0] > 0.7 > at[1]["rounding"][0]


def test_silence_is_still():
    curves = mouth_curves(said("A:", each=0.2), np.linspace(0.6, 3, 40))
    for channel, curve in curves.items():
        assert np.abs(curve).max() < 0.01, channel


@pytest.mark.parametrize("name", NAMES)
def test_every_phoneme_of_the_recordings_has_a_mouth(name):
    phonemes = recording(name).phonemes
    unknown = visemes_of("no such phoneme")
    assert [
        p.name
        for p in phonemes
        if visemes_of(p.name) == unknown and p.name not in ("h", "@", "@2", "@-", "a#", "I#", "@L")
    ] == []


def test_poses_are_small_smooth_rotations_and_a_seed_repeats_them():
    phonemes = recording().phonemes
    _, poses = act(phonemes, 120, 25, seed=4)
    for pose in poses:
        np.testing.assert_allclose(pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(pose.rotation) > 0
    turns = [
        np.arccos(np.clip((np.trace(a.rotation.T @ b.rotation) - 1) / 2, -1, 1))
        for a, b in pairwise(poses)
    ]
    assert max(turns) < np.radians(3)
    again, _ = act(phonemes, 120, 25, seed=4)
    assert again == act(phonemes, 120, 25, seed=4)[0]
    assert again != act(phonemes, 120, 25, seed=5)[0]
