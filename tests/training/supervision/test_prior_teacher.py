"""The prior as a teacher: its prediction has the mean and about the movement of the observed
motion."""

import pytest
import torch

from instag.models.face_field import universal_face_field
from instag.motion.landmark_motion import LandmarkMotion
from instag.training.supervision.prior_teacher import (
    MAX_GAIN,
    MIN_MOVEMENT,
    fit_prior_map,
    predict_shift,
)
from instag.types import Conditioning

FRAMES, POINTS = 40, 30
MEL = Conditioning(kind="audio", channels=80, steps=16)


def case(strength: float):
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        field = universal_face_field(MEL).requires_grad_(False)
    torch.nn.init.uniform_(field.encoding.entries, -1, 1, generator=generator)
    speech, expression = (
        torch.randn(FRAMES, 8, 80, 16, generator=generator),
        torch.rand(FRAMES, 6, generator=generator),
    )
    points, speaks = torch.rand(POINTS, 3, generator=generator) * 0.1, torch.arange(10, POINTS)
    said = predict_shift(field, points[speaks], speech, expression.mean(0))
    shift = torch.zeros(FRAMES, POINTS, 2)
    shift[:, speaks] = strength * said + 2e-3
    return (
        field,
        speech,
        LandmarkMotion(
            points=points, shift=shift, rest=torch.full((POINTS, 2), 1e-3), speaks=speaks
        ),
        expression,
    )


def test_it_moves_as_the_person_was_seen_to_where_the_prior_is_right():
    field, speech, motion, expression = case(1.5)
    found = fit_prior_map(field, speech, motion, range(FRAMES), expression)
    assert found.gain == pytest.approx(1.5, rel=1e-3)
    seen = (motion.shift - motion.rest)[:, motion.speaks]
    torch.testing.assert_close(found(speech), seen, atol=1e-6, rtol=1e-3)


def test_a_timid_answer_is_enlarged_and_a_wrong_one_is_not():
    field, speech, motion, expression = case(1.0)
    seen = motion.shift[:, motion.speaks] - motion.shift[:, motion.speaks].mean(0)
    noise = torch.randn(seen.shape, generator=torch.Generator().manual_seed(1)) * seen.std() * 1.5
    noisy = LandmarkMotion(
        points=motion.points,
        shift=motion.shift.index_add(1, motion.speaks, noise),
        rest=motion.rest,
        speaks=motion.speaks,
    )
    assert (
        1.1 < fit_prior_map(field, speech, noisy, range(FRAMES), expression).gain <= 1.15 * MAX_GAIN
    )
    against = LandmarkMotion(
        points=motion.points, shift=-motion.shift, rest=motion.rest, speaks=motion.speaks
    )
    assert fit_prior_map(field, speech, against, range(FRAMES), expression).gain == pytest.approx(
        MIN_MOVEMENT * MAX_GAIN, rel=1e-3
    )
