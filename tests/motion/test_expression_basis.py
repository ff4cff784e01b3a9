"""Expression motion: brows rise, eyes close however wide they are, and what does not change moves
nothing."""

import pytest
import torch

from instag.motion.expression_basis import BLINK_ROW, eye_opening, load_expression_basis, strengths
from instag.perception.action_units import INNER_BROWS, LOWER_LIDS, OUTER_BROWS, UPPER_LIDS

MOTION = load_expression_basis()


def face(opening: float) -> torch.Tensor:
    """Landmarks of nobody, with eyes so far open, metres."""
    points = torch.zeros(478, 3)
    points[list(UPPER_LIDS), 1] = opening / 2
    points[list(LOWER_LIDS), 1] = -opening / 2
    return points


def shown(**units: float) -> torch.Tensor:
    expression = torch.zeros(1, 6)
    for column, value in units.items():
        expression[0, int(column[1:])] = value
    return expression


def height(change: torch.Tensor, points: tuple[int, ...]) -> float:
    """Mean shift up of some landmarks, metres."""
    return float(change[0, torch.isin(MOTION.points, torch.tensor(points)), 1].mean())


@pytest.mark.parametrize("opening", [0.006, 0.008, 0.011])
def test_a_blink_closes_eyes_however_wide_they_are(opening):
    change = MOTION.fitted(face(opening)).change(shown(), shown(_5=2))
    closed = height(change, LOWER_LIDS) - height(change, UPPER_LIDS)
    assert 0.75 < closed / opening < 1.05


def test_brows_rise_by_what_the_unit_measures():
    """AU01 is the tanh of the rise over 8 mm."""
    change = MOTION.change(shown(), shown(_0=3))
    assert 0.75 < height(change, INNER_BROWS) / (0.008 * 0.693) < 1.1
    assert height(change, OUTER_BROWS) > 0.001
    assert height(MOTION.change(shown(), shown(_1=2)), INNER_BROWS) < -0.001


def test_what_does_not_change_moves_nothing_and_changes_add_up():
    draw = torch.Generator().manual_seed(0)
    one, two, three = (torch.rand(4, 6, generator=draw) * 2 for _ in range(3))
    assert (MOTION.change(one, one) == 0).all()
    torch.testing.assert_close(
        MOTION.change(one, two) + MOTION.change(two, three), MOTION.change(one, three)
    )


def test_strengths_undo_the_bend_and_stay_finite():
    shares = torch.tensor([[0.1, 0.4, 0.9, 1.2, 0.0, 0.0]])
    torch.testing.assert_close(
        strengths(5 * torch.tanh(shares))[:, :BLINK_ROW], shares[:, :BLINK_ROW]
    )
    assert strengths(torch.full((1, 6), 5.0)).isfinite().all()
    assert strengths(torch.full((1, 6), 2.5))[0, BLINK_ROW] == 1


def test_the_bundled_eyes_are_their_own():
    torch.testing.assert_close(MOTION.fitted(face(MOTION.opening)).basis, MOTION.basis)
    assert eye_opening(face(0.007)) == pytest.approx(0.007)
