"""The voice line: recordings are said one after the other, and what stalls is said to its end."""

import numpy as np
import pytest

from instag.speech.lips.live_ear import listen
from instag.synthesis.live.voice_line import STALL_S, VoiceLine
from instag.types import SAMPLE_RATE, SAMPLES
from speech.lips.test_live_ear import new_ear


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line(clock: Clock) -> VoiceLine:
    return VoiceLine(new_ear(), clock=clock)


def said(line: VoiceLine) -> np.ndarray:
    pieces = [np.zeros(0)]
    while line.take_turn():
        pieces.append(listen([line.ear])[0].sound)
    return np.concatenate(pieces)


def level(value: float, samples: int) -> np.ndarray:
    return np.full(samples, value, np.float32)


def test_a_recording_begins_where_the_one_before_it_ends(line: VoiceLine):
    line.push(level(0.1, 3 * SAMPLES - 7))
    line.end()
    line.push(level(0.2, SAMPLES))
    line.push(level(0.3, SAMPLES))
    line.end()
    assert line.waiting_s == pytest.approx((5 * SAMPLES - 7) / SAMPLE_RATE)
    expected = np.concatenate([level(0.1, 3 * SAMPLES), level(0.2, SAMPLES), level(0.3, SAMPLES)])
    expected[3 * SAMPLES - 7 : 3 * SAMPLES] = 0
    np.testing.assert_array_equal(said(line), expected)
    assert line.waiting_s == 0


def test_what_stalls_is_said_to_its_end(line: VoiceLine, clock: Clock):
    line.push(level(0.1, 4 * SAMPLES))
    assert not len(said(line))
    clock.now += STALL_S + 0.01
    assert len(said(line)) == 4 * SAMPLES


def test_cleared_sound_is_not_said(line: VoiceLine):
    line.push(level(0.1, 9 * SAMPLES))
    line.end()
    assert line.take_turn()
    line.push(level(0.2, SAMPLES))
    line.clear()
    assert line.waiting_s == 0
    assert not line.take_turn()
    line.push(level(0.3, SAMPLES))
    line.end()
    np.testing.assert_array_equal(said(line), level(0.3, SAMPLES))


def test_surplus_is_dropped(line: VoiceLine):
    line.push(level(0.1, line.ear.ahead + 2 * SAMPLES))
    assert line.take_turn()
    assert not line.skip_surplus(most_s=0.2)
    assert line.skip_surplus(most_s=0.08)
    assert not line.skip_surplus(most_s=0.08)
    assert line.ear.ready
