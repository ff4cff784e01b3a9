"""The choice of frames that tell most."""

from copy import copy

import pytest
import torch

from instag.data.clip_dataset import ClipDataset
from instag.data.frame_choice import (
    farthest_points,
    frame_features,
    normalized,
    telling_frames,
)
from instag.data.speech_features import clip_features
from shared_files import shared_clip


@pytest.fixture(scope="module")
def dataset() -> ClipDataset:
    clip = shared_clip(frames=60)
    return ClipDataset(clip, clip.tables(), size=64, features=clip_features(clip, "mel"))


def test_few_frames_are_all_taken(dataset: ClipDataset):
    assert telling_frames(dataset, range(5, 50), None) == range(5, 50)
    assert telling_frames(dataset, range(5, 50), 45) == range(5, 50)


def test_of_many_so_many_are_taken_in_their_order(dataset: ClipDataset):
    chosen = telling_frames(dataset, range(5, 50), 20)
    assert len(set(chosen)) == 20
    assert list(chosen) == sorted(chosen)
    assert set(chosen) <= set(range(5, 50))


def test_rare_frames_come_before_frames_that_repeat_others(dataset: ClipDataset):
    still = copy(dataset)
    still.expression = torch.zeros_like(dataset.expression)
    still.viewmats = dataset.viewmats[:1].repeat(60, 1, 1)
    still.mouth_opening = torch.ones(60)
    still.expression[17, 5] = 2.0  # a blink
    still.mouth_opening[31] = 9.0
    still.viewmats[44, 0, 2] += 0.3
    assert {17, 31, 44} <= set(telling_frames(still, range(60), 4))


def test_each_choice_is_the_farthest_from_those_before():
    points = torch.tensor([[0.0], [0.1], [5.0], [9.0], [-4.0]])
    assert farthest_points(points, 4).tolist() == [1, 3, 4, 2]


def test_turn_expression_and_lips_weigh_alike(dataset: ClipDataset):
    assert frame_features(dataset, range(60)).shape == (60, 10)
    part = normalized(torch.randn(500, 3) * torch.tensor([1.0, 50.0, 1e-3]))
    torch.testing.assert_close(part.square().sum(1).mean(), torch.tensor(1.0), rtol=0.01, atol=0)
    assert not normalized(torch.full((9, 2), 3.0)).any()
