"""Frames of sound at their times."""

from fractions import Fraction

import av
import numpy as np
import pytest

from instag.media.sound_placement import PlacedSound

RATE, SIZE, LENGTH = 48_000, 960, 0.02


def frames(times: list[float], form: str = "fltp") -> list[av.AudioFrame]:
    """20 ms of ones each."""
    made = []
    for time in times:
        if form == "fltp":
            frame = av.AudioFrame.from_ndarray(np.ones((1, SIZE), np.float32), form, "mono")
        else:
            frame = av.AudioFrame.from_ndarray(np.ones((1, SIZE), np.int16), form, "mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = round(time * RATE)
        made.append(frame)
    return made


def joined(placed: PlacedSound, given: list[av.AudioFrame]) -> np.ndarray:
    return np.concatenate([frame.to_ndarray()[0] for frame in placed.frames(given)])


def test_frames_in_time_are_passed_on_as_they_are() -> None:
    given = frames([LENGTH * index for index in range(20)])
    assert list(PlacedSound().frames(given)) == given


@pytest.mark.parametrize("form", ["fltp", "s16"])
def test_holes_are_silent_and_overlaps_are_cut(form: str) -> None:
    first, second, third = np.arange(2), 5 + np.arange(8), 11 + np.arange(5)
    times = (LENGTH * np.concatenate([first, second, third])).tolist()
    placed = PlacedSound()
    sound = joined(placed, frames(times, form))
    assert len(sound) == round(0.32 * RATE)
    assert not sound[round(0.04 * RATE) : round(0.1 * RATE)].any()
    assert sound[round(0.1 * RATE) :].all()
    assert (placed.holes, round(placed.missing, 3)) == (1, 0.06)
    assert placed.repeated == pytest.approx(0.04)
    assert placed.longest_at == pytest.approx(0.04)


def test_one_wrong_time_moves_nothing() -> None:
    times = [LENGTH * index for index in range(20)]
    times[7] += 0.1
    times[12] -= 0.1
    given = frames(times)
    assert list(PlacedSound().frames(given)) == given


def test_pauses_of_a_call_are_no_damage() -> None:
    placed = PlacedSound()
    joined(placed, frames([0.4 * index for index in range(10)]))
    assert placed.missing == pytest.approx(9 * 0.38)
    assert placed.long_missing == 0
