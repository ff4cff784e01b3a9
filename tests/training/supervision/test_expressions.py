"""Expression labels: augmented units stay within what people do, what skin should do follows them,
and nothing waits for a device."""

from dataclasses import replace

import torch

from instag.models.face_field import SHIFT_UNIT, Deformation
from instag.motion.expression_displacement import ExpressionDisplacement
from instag.training.supervision.expressions import (
    HEAD_POINTS,
    MOVING_POINTS,
    ExpressionLabeler,
    ExpressionLabels,
    augmented,
)
from instag.types import BLINK, EXPRESSION_UNITS, OPEN_EYE_UNITS

BLINK_COLUMN = EXPRESSION_UNITS.index(BLINK)

STRONGEST = torch.tensor([3.0, 2.0, 2.0, 0.0, 2.5, 2.0])


def seen(frames: int) -> torch.Tensor:
    return torch.rand(frames, 6, generator=torch.Generator().manual_seed(1))


def flow() -> ExpressionDisplacement:
    draw = torch.Generator().manual_seed(2)
    return ExpressionDisplacement(
        places=torch.rand(40, 3, generator=draw) * 0.1,
        moving=30,
        basis=torch.randn(6, 40, 3, generator=draw) * 0.005,
        strongest=STRONGEST,
    )


def test_some_units_change_within_what_people_do():
    made = augmented(seen(4_000), STRONGEST, torch.Generator().manual_seed(0))
    changed = (made != seen(4_000)).float().mean(0)
    assert (made >= 0).all()
    assert (made <= torch.maximum(STRONGEST, seen(4_000))).all()
    assert 0.25 < changed[0] < 0.35
    assert 0.45 < changed[BLINK_COLUMN] < 0.55
    assert changed[3] == 0


def test_closed_eyes_are_neither_wide_nor_narrowed():
    made = augmented(torch.zeros(4_000, 6), STRONGEST, torch.Generator().manual_seed(0))
    closed = made[made[:, BLINK_COLUMN] == 2]
    assert len(closed) > 400
    assert (closed[:, [EXPRESSION_UNITS.index(unit) for unit in OPEN_EYE_UNITS]] == 0).all()
    assert (closed[:, 0] > 0).any()


def test_an_answer_that_moves_and_stretches_as_told_misses_nothing():
    labeler, draw = ExpressionLabeler(flow=flow()), torch.Generator().manual_seed(0)
    points = labeler.query_points(torch.zeros(7, 3), draw)
    assert points.shape == (MOVING_POINTS + HEAD_POINTS, 3)
    labels = labeler.augment(points, seen(4), draw)
    before = Deformation(
        shift=torch.randn(6, 80, 3), rotation=torch.randn(6, 80, 4), scale=torch.randn(6, 80, 3)
    )
    right = Deformation(
        shift=torch.cat([before.shift, before.shift[2:] + labels.shift]),
        rotation=torch.cat([before.rotation, before.rotation[2:]]),
        scale=torch.cat([before.scale, before.scale[2:] + labels.stretch[..., None]]),
    )
    assert labels.error(right) < 1e-4
    still = replace(right, shift=torch.cat([before.shift, before.shift[2:]]))
    torch.testing.assert_close(
        labels.error(still), labels.shift.abs().mean() / SHIFT_UNIT, atol=1e-4, rtol=1e-4
    )


def test_what_both_expressions_share_is_left_alone():
    """Else a field whose answers move together would run away."""
    shift = torch.zeros(4, 5, 3, requires_grad=True)
    labels = ExpressionLabels(
        expression=seen(2), shift=torch.ones(2, 5, 3), stretch=torch.zeros(2, 5)
    )
    labels.error(
        Deformation(shift=shift, rotation=torch.zeros(4, 5, 4), scale=torch.zeros(4, 5, 3))
    ).backward()
    assert shift.grad is not None
    assert (shift.grad[2:] < 0).all()
    torch.testing.assert_close(shift.grad[:2], -shift.grad[2:])


def test_it_never_waits_for_its_device():
    """Tensors without numbers raise where they are asked for a value, or meet another device."""
    device, noise, known = torch.device("meta"), torch.Generator(), flow()
    there = replace(
        known,
        places=known.places.to(device),
        basis=known.basis.to(device),
        strongest=known.strongest.to(device),
    )
    labeler = ExpressionLabeler(flow=there)
    labels = labeler.augment(
        labeler.query_points(torch.empty(9, 3, device=device), noise),
        torch.empty(5, 6, device=device),
        noise,
    )
    assert (
        labels.shift.device,
        labels.shift.shape,
        labels.stretch.shape,
        labels.expression.shape,
    ) == (
        device,
        (5, 80, 3),
        (5, 80),
        (5, 6),
    )
    answer = Deformation(
        shift=torch.empty(12, 80, 3, device=device),
        rotation=torch.empty(12, 80, 4, device=device),
        scale=torch.empty(12, 80, 3, device=device),
    )
    assert labels.error(answer).shape == ()
