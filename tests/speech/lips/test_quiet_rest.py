"""Quiet rest: a breath keeps the lips open, a longer pause closes them, sound wakes them."""

from itertools import pairwise

import numpy as np

from instag.speech.lips.quiet_rest import BREATH_FRAMES, REST_FRAMES, WAKE_FRAMES, QuietRest

LEVEL = 0.05


def shares(rest: QuietRest, level: float, frames: int) -> list[float]:
    return [rest(np.full(3_520, level, np.float32), LEVEL) for _ in range(frames)]


def test_it_begins_at_rest():
    assert not any(shares(QuietRest(), 0.0, 5))


def test_lips_stay_in_a_breath_and_rest_in_a_pause():
    rest = QuietRest()
    assert shares(rest, 0.05, WAKE_FRAMES)[-1] == 1
    pause = shares(rest, 0.001, BREATH_FRAMES + REST_FRAMES)
    assert pause[:BREATH_FRAMES] == [1.0] * BREATH_FRAMES
    assert pause[-1] == 0
    assert max(before - after for before, after in pairwise(pause)) < 0.3
    assert shares(rest, 0.05, WAKE_FRAMES)[-1] == 1
