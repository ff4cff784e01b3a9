"""Frames that a head was not taught on: which they are, that they are the clip's, and that each is
rendered at its own number."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.talk import unlearned
from instag.data.clip import Clip
from instag.errors import BadArgument
from instag.evaluation.held_out import check_same_recording, held_back, reconstruct, regions_at
from instag.models.avatar import Avatar


@pytest.fixture(scope="module")
def pair() -> tuple[Avatar, Clip]:
    avatar, clip = unlearned()
    return Avatar.open(avatar), Clip.open(clip)


def test_the_avatar_says_what_it_was_not_taught(pair):
    avatar, _ = pair
    assert held_back(avatar) == range(8, 20)
    everything = replace(avatar, info=replace(avatar.info, training={"test": [20, 20]}))
    assert len(held_back(everything)) == 0


def test_an_avatar_that_says_nothing_was_taught_all(pair):
    avatar, _ = pair
    silent = replace(avatar, info=replace(avatar.info, training={}))
    assert len(held_back(silent)) == 0


@pytest.mark.parametrize("frames", [range(8, 20), range(3, 4), range(5)])
def test_each_frame_is_rendered_beside_its_truth(pair, frames):
    avatar, clip = pair
    pairs = list(reconstruct(avatar, clip, frames))
    assert [each.index for each in pairs] == list(frames)
    for each in pairs:
        np.testing.assert_array_equal(each.truth, clip.frame(each.index))
        assert each.prediction.shape == each.truth.shape
        assert each.prediction.dtype == np.uint8


def test_what_lies_behind_the_head_is_the_frames_own(pair):
    avatar, clip = pair
    pair = next(iter(reconstruct(avatar, clip, range(5, 6))))
    corner = np.abs(pair.prediction[-8:, :8].astype(int) - pair.truth[-8:, :8])
    assert corner.mean() < 6


def test_another_recording_is_refused(pair):
    avatar, clip = pair
    other = replace(avatar, info=replace(avatar.info, source="you.mp4"))
    with pytest.raises(
        BadArgument, match=r"learned from you\.mp4 and .*me\.clip is of synthetic speaker 0"
    ):
        check_same_recording(other, clip, range(3))
    check_same_recording(avatar, clip, range(8, 20))


@pytest.mark.parametrize("frames", [range(8, 21), range(-1, 3), range(50, 60)])
def test_frames_that_the_clip_has_not_are_refused(pair, frames):
    with pytest.raises(
        BadArgument,
        match=f"Frames {frames.start} to {frames.stop - 1} are not all in .* which has 20",
    ):
        check_same_recording(pair[0], pair[1], frames)


def test_regions_have_the_avatars_size(pair):
    _, clip = pair
    np.testing.assert_array_equal(regions_at(clip, 64, 3), clip.regions(3))
    small = regions_at(clip, 32, 3)
    assert small.shape == (32, 32)
    assert set(np.unique(small)) <= set(np.unique(clip.regions(3)))
