"""Which frames teach and which test."""

import pytest

from instag.data.splits import Split, held_back, leaves_a_test, split
from instag.errors import BadArgument, TooShort


def test_five_seconds_of_twenty_leave_the_last_twelve():
    chosen = split(500, n_views=125)
    assert (chosen.train, chosen.test) == (range(125), range(200, 500))


def test_ten_second_clip_tests_on_what_is_left():
    chosen = split(250, n_views=125)
    assert (chosen.train, chosen.test) == (range(125), range(125, 250))


def test_short_clip_teaches_on_all_and_tests_on_nothing():
    chosen = split(120, n_views=250)
    assert (chosen.train, chosen.test) == (range(120), range(0))


def test_without_a_number_all_but_a_fifth_is_learned():
    assert split(3000, n_views=None).train == range(2700)
    assert split(1250, n_views=None) == Split(train=range(1000), test=range(1000, 1250))
    assert split(500, n_views=None) == Split(train=range(400), test=range(400, 500))
    assert split(200, n_views=None) == Split(train=range(160), test=range(160, 200))


@pytest.mark.parametrize("frames", range(50, 5000, 61))
def test_at_least_a_second_and_at_most_twelve_are_held_back(frames):
    chosen = split(frames, n_views=None)
    assert len(chosen.train) + len(chosen.test) == frames
    assert len(chosen.train) >= 50
    assert len(chosen.test) == held_back(frames)
    assert held_back(frames) in range(25, 301) or (held_back(frames) == 0 and frames < 75)
    assert held_back(frames) <= max(frames // 5, 25)


def test_frames_to_test_on_are_at_least_a_second():
    assert leaves_a_test(275, 250)
    assert not leaves_a_test(274, 250)


def test_all_for_train():
    assert split(500, n_views=125, all_for_train=True).train == range(500)


@pytest.mark.parametrize("frames", range(50, 700, 37))
@pytest.mark.parametrize("n_views", [None, 50, 125, 250])
def test_teaching_and_testing_never_overlap(frames, n_views):
    chosen = split(frames, n_views=n_views)
    assert not set(chosen.train) & set(chosen.test)
    assert len(chosen.test) in range(25, 301) or len(chosen.test) == 0


def test_too_little_is_said():
    with pytest.raises(TooShort, match="30 frames"):
        split(30, n_views=None)
    with pytest.raises(BadArgument, match="--n-views"):
        split(500, n_views=10)


def test_frames_that_a_clip_keeps_are_never_taught():
    assert split(500, n_views=None, kept=100).train == range(400)
    assert split(500, n_views=450, kept=100).train == range(400)
    assert split(500, n_views=125, kept=100).test == range(400, 500)
    assert split(500, n_views=125, kept=0).test == range(500, 500)
    with pytest.raises(TooShort, match="instag split"):
        split(100, n_views=None, kept=60)
