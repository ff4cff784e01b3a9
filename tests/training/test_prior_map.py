"""What a prior tells of a person's lips: its own answer, around what was seen and as strong as that."""

import pytest
import torch

from instag.data.landmark_motion import LandmarkMotion
from instag.models.face_motion import universal_face_field
from instag.training.prior_map import LARGEST_GAIN, WANTED_MOVEMENT, answer, fit_prior_map

FRAMES, POINTS = 40, 30


def case(strength: float):
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        field = universal_face_field(80).requires_grad_(False)
    torch.nn.init.uniform_(field.encoding.entries, -1, 1, generator=generator)
    speech, expression = torch.randn(FRAMES, 8, 80, 16, generator=generator), torch.rand(FRAMES, 6, generator=generator)
    points, speaks = torch.rand(POINTS, 3, generator=generator) * 0.1, torch.arange(10, POINTS)
    said = answer(field, points[speaks], speech, expression.mean(0))
    shift = torch.zeros(FRAMES, POINTS, 2)
    shift[:, speaks] = strength * said + 2e-3
    return field, speech, LandmarkMotion(points=points, shift=shift, rest=torch.full((POINTS, 2), 1e-3), speaks=speaks), expression


def test_it_moves_as_the_person_was_seen_to_where_the_prior_is_right():
    field, speech, motion, expression = case(1.5)
    found = fit_prior_map(field, speech, motion, range(FRAMES), expression)
    assert found.gain == pytest.approx(1.5 * WANTED_MOVEMENT, rel=1e-3)
    seen = (motion.shift - motion.rest)[:, motion.speaks]
    moved, wanted = found(speech) - found(speech).mean(0), seen - seen.mean(0)
    torch.testing.assert_close(found(speech).mean(0), seen.mean(0), atol=1e-7, rtol=1e-3)
    torch.testing.assert_close(moved, WANTED_MOVEMENT * wanted, atol=1e-7, rtol=1e-3)


def test_a_person_who_moves_wildly_does_not_make_it_wild():
    field, speech, motion, expression = case(10.0)
    assert fit_prior_map(field, speech, motion, range(FRAMES), expression).gain == LARGEST_GAIN
