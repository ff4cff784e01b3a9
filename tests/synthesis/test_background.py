"""What lies behind the head: the bytes that learning saw, decoded ahead, dropped beyond the
limit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evaluation.talk import unlearned
from instag.data import clip_dataset
from instag.models.avatar import Avatar
from instag.models.avatar_pictures import encode_torso
from instag.synthesis.background import BackgroundCache, PlainBackground, over_backdrop
from instag.synthesis.head_renderer import FrameInputs
from instag.types import Condition

HOST = torch.device("cpu")


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    random = np.random.default_rng(0)
    usual = Avatar.open(unlearned()[0])
    side = len(usual.backdrop)
    return replace(
        usual,
        torso_files=[
            encode_torso(random.integers(0, 256, (side, side, 4), dtype=np.uint8)) for _ in range(4)
        ],
    )


def inputs(torso: list[int]) -> FrameInputs:
    count = len(torso)
    return FrameInputs(
        first=0,
        condition=Condition(speech=torch.zeros(count, 8, 1, 1), expression=torch.zeros(count, 6)),
        viewmats=torch.eye(4).repeat(count, 1, 1),
        torso=torso,
    )


def test_it_is_what_learning_saw():
    random = np.random.default_rng(0)
    torso, backdrop = (
        random.integers(0, 256, (41, 33, channels), dtype=np.uint8) for channels in (4, 3)
    )
    np.testing.assert_array_equal(
        over_backdrop(torso, backdrop),
        clip_dataset.over_backdrop(clip_dataset.premultiplied(torso), backdrop),
    )


def test_frames_come_in_the_order_asked_for(avatar):
    with BackgroundCache(avatar, HOST, least=2) as behind:
        behind.prefetch(inputs([0, 1, 2]))
        asked = behind(inputs([2, 0, 0, 1]))
    for row, index in enumerate([2, 0, 0, 1]):
        np.testing.assert_array_equal(
            asked[row].numpy(), over_backdrop(avatar.torso(index), avatar.backdrop)
        )


def test_those_asked_for_longest_ago_are_dropped_beyond_the_limit(avatar):
    bytes_of_one = avatar.backdrop.nbytes
    with BackgroundCache(avatar, HOST, least=1, limit=3 * bytes_of_one) as behind:
        for index in [0, 1, 2, 0, 3]:
            assert behind.frames([index]).shape == (1, *avatar.backdrop.shape)
        assert sorted(behind._kept) == [0, 2, 3]
        np.testing.assert_array_equal(
            behind.frames([1])[0].numpy(), over_backdrop(avatar.torso(1), avatar.backdrop)
        )
        assert len(behind) == 3


def test_more_than_the_limit_at_once_still_come(avatar):
    with BackgroundCache(avatar, HOST, least=1, limit=0) as behind:
        asked = behind.frames([0, 1, 2, 3])
        assert len(behind) == 1
    np.testing.assert_array_equal(asked[0].numpy(), over_backdrop(avatar.torso(0), avatar.backdrop))


def test_a_plain_background_is_the_same_behind_every_frame():
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    with PlainBackground(picture, HOST) as behind:
        shown = behind(inputs([5, 0, 3]))
    assert (shown.numpy() == picture).all()
    assert len(shown) == 3
    red = PlainBackground.of_color((255, 0, 0), 8, HOST)(inputs([0]))
    assert red[0, 3, 4].tolist() == [255, 0, 0]
