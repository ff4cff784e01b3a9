"""Frames of any rate at a constant one: each time shows the nearest frame."""

from fractions import Fraction

import numpy as np
import pytest
from av.video.frame import VideoFrame

from instag.media.constant_rate import LONGEST_LAST_S, ConstantRate


def frames(*times_ms: int, last_ms: int = 0) -> list[VideoFrame]:
    found = []
    for time in times_ms:
        frame = VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        frame.pts, frame.time_base = time, Fraction(1, 1000)
        found.append(frame)
    if last_ms:
        found[-1].duration = last_ms
    return found


def shown(rate: ConstantRate, given: list[VideoFrame]) -> list[int]:
    """The time stamp of each frame that is shown, ms."""
    return [
        frame.pts
        for frame, first, end in rate.show(given)
        for _ in range(end - first)
        if frame.pts is not None
    ]


def rate(limit: int = 10**6, start: float = 0.0) -> ConstantRate:
    return ConstantRate(25, 0.04, start, limit)


def test_the_same_rate_is_left_as_it_is() -> None:
    assert shown(rate(), frames(0, 40, 80, 120)) == [0, 40, 80, 120]


def test_of_twice_the_rate_every_second_frame_is_shown() -> None:
    found = shown(rate(), frames(*range(0, 200, 20), last_ms=20))
    assert len(found) == 5
    assert all(abs(time - 40 * place) <= 20 for place, time in enumerate(found))


def test_a_gap_shows_the_nearer_end() -> None:
    assert shown(rate(), frames(0, 200)) == [0, 0, 0, 200, 200, 200]


def test_nothing_is_shown_long_before_its_time() -> None:
    found = shown(rate(), frames(0, 2000))
    assert (found.count(0), found.count(2000)) == (48, 3)


def test_stamps_that_do_not_rise_are_passed_over() -> None:
    assert shown(rate(), frames(0, 40, 40, 20, 80)) == [0, 40, 80]


def test_the_last_frame_is_shown_for_its_length_but_not_for_ever() -> None:
    assert len(shown(rate(), frames(0, 40, last_ms=120))) == 4
    endless = rate()
    assert len(shown(endless, frames(0, last_ms=10**6))) == round(25 * LONGEST_LAST_S)
    assert endless.seconds == LONGEST_LAST_S


def test_what_could_not_be_decoded_shows_the_first_frame() -> None:
    assert shown(rate(), frames(200, 240)) == [200] * 6 + [240]
    assert shown(rate(start=0.2), frames(200, 240)) == [200, 240]
    assert shown(rate(), frames(40, 80)) == [40, 40, 80]


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_no_more_than_the_limit(limit: int) -> None:
    limited = rate(limit)
    assert len(shown(limited, frames(0, 40, 400, 440))) == limit
    assert limited.full
