"""The Gaussians: how they start, and that no motion is no change."""

import torch

from instag.models.face_field import Deformation
from instag.models.gaussians import Gaussians, random_gaussians


def gaussians(count: int = 50, *, mouth: bool = False) -> Gaussians:
    return random_gaussians(count, 1, torch.Generator().manual_seed(0), mouth=mouth)


def motion(frames: int, count: int, value: float) -> Deformation:
    return Deformation(
        shift=torch.full((frames, count, 3), value),
        rotation=torch.full((frames, count, 4), value),
        scale=torch.full((frames, count, 3), value),
    )


def test_start_fills_the_cube_dark_and_faint():
    head = gaussians(2000)
    assert head.means.abs().max() <= 0.1
    assert head.means.std() > 0.05
    splats = head.splats(None, 1)
    torch.testing.assert_close(splats.opacities, torch.full((1, 2000), 0.1))
    assert (0.5 + 0.28209479 * head.dc).max() < 0.01


def test_mouth_starts_small_and_low():
    mouth = gaussians(2000, mouth=True)
    assert mouth.means[:, 1].max() <= 0.0
    assert mouth.means[:, 1].min() >= -0.1
    assert mouth.means[:, 0].abs().max() <= 0.05


def test_zero_motion_is_identity():
    head = gaussians()
    rest, deform = head.splats(None, 3), head.splats(motion(3, 50, 0.0), 3)
    for name in ("means", "quats", "scales", "opacities"):
        torch.testing.assert_close(getattr(rest, name), getattr(deform, name))
        assert getattr(rest, name).shape[:2] == (3, 50)


def test_rigid_motion_shifts_only():
    head = gaussians()
    rest, deform = head.splats(None, 2), head.splats(motion(2, 50, 0.01), 2, rigid=True)
    torch.testing.assert_close(deform.means, rest.means + 0.01)
    torch.testing.assert_close(deform.scales, rest.scales)
    torch.testing.assert_close(deform.quats, rest.quats)


def test_coefficients_up_to_a_degree():
    head = random_gaussians(5, 2, torch.Generator().manual_seed(0))
    assert [head.coefficients(degree).shape[1] for degree in (0, 1, 2)] == [1, 4, 9]
