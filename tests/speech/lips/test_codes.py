"""Observed lip codes: rest is zero, motion of the basis is encoded exactly, and metres come
back."""

import torch

from instag.motion.landmark_motion import LandmarkMotion, linear_motion
from instag.speech.lips.codes import lip_codes
from instag.speech.lips.network import CODES, load_lip_model

MODEL = load_lip_model()


def moving(code: torch.Tensor, size: float = 0.09) -> LandmarkMotion:
    points = torch.randn(468, 3, generator=torch.Generator().manual_seed(1)) * 0.05
    points[33], points[263] = (
        torch.tensor([-size / 2, 0.04, 0.0]),
        torch.tensor([size / 2, 0.04, 0.0]),
    )
    points[13], points[14] = torch.tensor([0.0, -0.040, 0.0]), torch.tensor([0.0, -0.041, 0.0])
    rest = torch.full((468, 2), 0.001)
    shift = rest.repeat(len(code), 1, 1)
    shift[:, MODEL.points] += linear_motion(code, MODEL.basis) * size
    return LandmarkMotion(points=points, shift=shift, rest=rest, speaks=MODEL.points)


def test_motion_in_the_basis_is_told_exactly() -> None:
    code = torch.randn(6, CODES, generator=torch.Generator().manual_seed(0)) * 0.2
    code[0] = 0
    seen = moving(code)
    found = lip_codes(seen, MODEL)
    torch.testing.assert_close(found.code, code, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(
        found.motion(found.code), (seen.shift - seen.rest)[:, MODEL.points], atol=1e-5, rtol=1e-3
    )


def test_codes_do_not_know_the_size_of_the_face() -> None:
    code = torch.randn(3, CODES, generator=torch.Generator().manual_seed(0)) * 0.2
    small, large = lip_codes(moving(code, 0.08), MODEL), lip_codes(moving(code, 0.11), MODEL)
    torch.testing.assert_close(small.code, large.code, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(small.rest_aperture * 0.08, large.rest_aperture * 0.11)
