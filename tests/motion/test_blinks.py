"""Blinks: as often and as quick as people's, the same in any piece of a video, and none where one
is played anyway."""

import pytest
import torch

from instag.motion.blinks import (
    added_blinks,
    blinks_rarely,
    closure,
    endless_blinks,
    onset_of,
    with_blinks,
)
from instag.types import BLINK, BLINK_LIMIT, EXPRESSION_UNITS, blinked

BLINK_COLUMN = EXPRESSION_UNITS.index(BLINK)

MINUTE = torch.arange(25 * 60)


def rest(frames: torch.Tensor) -> torch.Tensor:
    """Open eyes, a little wide."""
    return torch.tensor([[0.2, 0.0, 1.0, 0.3, 0.5, 0.0]]).expand(len(frames), -1)


def begun(blink: torch.Tensor) -> list[int]:
    """Frames in which a blink begins."""
    closed = blink > 0.05
    return (torch.nonzero(closed[1:] & ~closed[:-1])[:, 0] + 1).tolist()


def test_people_blink_fifteen_times_a_minute_at_uneven_times():
    starts = begun(with_blinks(rest, MINUTE)[:, BLINK_COLUMN])
    gaps = torch.tensor(starts).diff() / 25
    assert 12 <= len(starts) <= 18
    assert gaps.min() > 0.7
    assert gaps.std() > 0.5


def test_eyes_close_fully_and_sooner_than_they_open():
    blink = with_blinks(rest, MINUTE)[:, BLINK_COLUMN]
    for start in begun(blink):
        one = blink[start : start + 12]
        assert one.max() > 0.95 * BLINK_LIMIT
        assert 5 <= int((one > 0.05).sum()) <= 8
    times = torch.linspace(0, 0.31, 311, dtype=torch.float64)
    closed = closure(times)
    assert closed[0] == closed[-1] == 0
    assert times[closed >= 0.5][0] < 0.3 - times[closed >= 0.5][-1]


@pytest.mark.parametrize("piece", [1, 7, 32])
def test_pieces_of_a_video_hold_the_same_blinks(piece):
    whole = with_blinks(rest, MINUTE)
    torch.testing.assert_close(
        torch.cat([with_blinks(rest, some) for some in MINUTE.split(piece)]), whole
    )
    torch.testing.assert_close(
        with_blinks(rest, MINUTE + 40_000)[100:], with_blinks(rest, MINUTE[100:] + 40_000)
    )


def test_none_is_added_beside_one_that_is_played():
    at = round(onset_of(3) * 25) + 12

    def played(frames: torch.Tensor) -> torch.Tensor:
        return blinked(rest(frames), torch.where((frames - at).abs() < 3, 2.0, 0.0))

    shown = with_blinks(played, MINUTE)
    near = slice(at - 30, at + 30)
    torch.testing.assert_close(shown[near], played(MINUTE)[near])
    assert len(begun(shown[:, BLINK_COLUMN])) == len(
        begun(with_blinks(rest, MINUTE)[:, BLINK_COLUMN])
    )


def test_open_eyes_are_as_they_are_played_and_closed_ones_are_not_wide():
    shown = with_blinks(rest, MINUTE)
    open_eyes = shown[:, BLINK_COLUMN] == 0
    torch.testing.assert_close(shown[open_eyes], rest(MINUTE)[open_eyes])
    closed = shown[shown[:, BLINK_COLUMN] > 1.99]
    assert (closed[:, [2, 4]] < 0.01).all()
    torch.testing.assert_close(closed[:, 0], torch.full_like(closed[:, 0], 0.2))


@pytest.mark.parametrize(("blinks", "seldom"), [(0, True), (1, True), (2, False)])
def test_fewer_than_one_in_six_seconds_is_seldom(blinks, seldom):
    expression = torch.zeros(250, 6)
    for number in range(blinks):
        expression[40 + 60 * number : 45 + 60 * number, BLINK_COLUMN] = 2.5
    assert blinks_rarely(expression) is seldom


def test_blinks_without_end_are_those_that_are_added():
    frames = torch.arange(0, 2_000, 3)
    assert torch.equal(endless_blinks(frames.tolist()), added_blinks(rest, frames))
