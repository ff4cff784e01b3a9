"""The tool that makes LPIPS smaller: spoiled pictures, and which channels stay."""

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from bundle_perceptual_network import most_telling
from spoiled_pictures import FAULTS, pairs


def frames() -> list[np.ndarray]:
    rows, columns = np.mgrid[:240, :260]
    waves = [127 + 100 * np.sin(rows / 9 + shift) * np.cos(columns / 7) for shift in (0, 1, 2)]
    return [np.stack(waves, axis=-1).astype(np.uint8)] * 2


def test_pairs_depend_on_the_seed_alone():
    people = [frames()]
    spoiled, true = pairs(people, 40, 6, seed=0)
    again, _ = pairs(people, 40, 6, seed=0)
    other, _ = pairs(people, 40, 6, seed=1)
    assert spoiled.shape == true.shape == (6, 40, 40, 3)
    assert 0 <= spoiled.min() <= spoiled.max() <= 1
    assert (spoiled == again).all()
    assert (spoiled != other).any()
    assert (spoiled != true).any(axis=(1, 2, 3)).all()


def test_every_fault_changes_the_picture_and_keeps_its_shape():
    picture = frames()[0][:64, :64].astype(np.float32) / 255
    for fault in FAULTS:
        changed = fault(picture, np.random.default_rng(3))
        assert changed.shape == picture.shape, fault
        assert np.isfinite(changed).all(), fault
        assert (changed != picture).any(), fault


def test_a_channel_that_another_repeats_is_left_out():
    generator = torch.Generator().manual_seed(0)
    signals = torch.randn(3, 500, generator=generator)
    values = torch.stack([signals[0], signals[1], 2 * signals[0], 0.01 * signals[2]])
    covariance = values @ values.T / 500
    for important, kept in (([1.0] * 4, 1), ([1.0, 1.0, 1.0, 1e6], 3)):
        chosen = set(most_telling(covariance, torch.tensor(important), 2).tolist())
        assert kept in chosen
        assert len(chosen & {0, 2}) == 1
