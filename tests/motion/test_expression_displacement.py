"""Expression flow: landmarks do what the basis says, eyes fold away between closing lids, the rest
of the head stays."""

import numpy as np
import torch

from instag.motion.expression_basis import BLINK_ROW, eye_opening, load_expression_basis
from instag.motion.expression_displacement import LOWER, UPPER, expression_displacement
from instag.perception.action_units import LOWER_LIDS, UPPER_LIDS
from instag.synthetic.face import CANONICAL_FACE

MOTION = load_expression_basis()
with np.load(CANONICAL_FACE) as stored:
    SHAPE = torch.from_numpy(stored["vertices"].astype(np.float32) / 100)
OPEN, CLOSED = torch.zeros(1, 6), torch.tensor([[0.0, 0, 0, 0, 0, 2]])
FLOW = expression_displacement(MOTION.fitted(SHAPE), SHAPE, torch.zeros(3, 6))


def test_landmarks_do_what_the_basis_says():
    raised = torch.tensor([[3.0, 0, 0, 0, 0, 0]])
    told = FLOW.change(SHAPE[MOTION.points], OPEN, raised).shift
    torch.testing.assert_close(
        told[..., :2], MOTION.fitted(SHAPE).change(OPEN, raised), atol=4e-4, rtol=0
    )
    assert told[..., 2].abs().max() < 1e-4


def test_closed_lids_meet():
    upper, lower = SHAPE[UPPER], SHAPE[LOWER]

    def gap(expression: torch.Tensor) -> float:
        lids = (
            points + FLOW.change(points, OPEN, expression).shift[0] for points in (upper, lower)
        )
        return float((next(lids) - next(lids))[:, 1].mean())

    assert abs(gap(CLOSED)) < 0.15 * gap(OPEN)
    assert gap(CLOSED / 2) > 0.4 * gap(OPEN)


def test_eyes_fold_away_between_closing_lids():
    upper, lower = SHAPE[UPPER[2:5]].mean(0), SHAPE[LOWER[2:5]].mean(0)
    middle = ((upper + lower) / 2)[None]
    lids = FLOW.change(SHAPE[list(UPPER_LIDS + LOWER_LIDS)], OPEN, CLOSED).shift[0, :, 1]
    eye = FLOW.change(middle, OPEN, CLOSED).shift[0, 0]
    assert lids[:6].mean() < eye[1] < lids[6:].mean()
    assert eye[2] < -1e-3
    assert FLOW.change(middle, OPEN, CLOSED).stretch.exp() < 0.6
    above = upper + torch.tensor([0.0, 0.3 * eye_opening(SHAPE), 0.0])
    assert FLOW.change(above[None], OPEN, CLOSED).stretch.exp() > 1.2


def test_far_from_all_landmarks_nothing_moves_or_stretches():
    behind = torch.tensor([[0.0, 0.05, -0.15], [0.2, 0.0, 0.0]])
    assert FLOW.change(behind, OPEN, CLOSED).shift.abs().max() < 5e-5
    assert FLOW.change(behind, OPEN, CLOSED).stretch.abs().max() < 1e-2


def test_there_and_back_is_nothing():
    points = SHAPE[::20]
    torch.testing.assert_close(
        FLOW.change(points, OPEN, CLOSED).shift, -FLOW.change(points, CLOSED, OPEN).shift
    )
    torch.testing.assert_close(
        FLOW.change(points, OPEN, CLOSED).stretch, -FLOW.change(points, CLOSED, OPEN).stretch
    )


def test_who_blinks_needs_no_lesson_in_it():
    seen = torch.zeros(30, 6)
    seen[10:15, BLINK_ROW] = 2.4
    strongest = expression_displacement(MOTION.fitted(SHAPE), SHAPE, seen).strongest
    assert strongest[BLINK_ROW] == 0
    torch.testing.assert_close(strongest[:BLINK_ROW], MOTION.strongest[:BLINK_ROW])
