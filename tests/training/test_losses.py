"""The terms of the loss: zero where all is well, finite everywhere, worse where worse."""

import torch

from instag.ops.perceptual import PerceptualDistance
from instag.training import losses

PERCEPTUAL = PerceptualDistance((4,) * 5, (4,) * 5).requires_grad_(False)


def test_photometric_is_zero_for_equal_pictures():
    picture = torch.rand(1, 20, 24, 3, generator=torch.Generator().manual_seed(0))
    assert losses.photometric(picture, picture).abs() < 1e-5
    assert losses.photometric(picture, 1 - picture) > 0.1


def patch_distance(picture: torch.Tensor, target: torch.Tensor, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    height, width = picture.shape[1:3]
    corner = losses.patch_corner(height, width, 36, generator)
    return losses.patch_distance(PERCEPTUAL, picture, target, corner, 36)


def test_one_patch_of_the_picture_is_compared():
    target = torch.rand(2, 70, 60, 3, generator=torch.Generator().manual_seed(0))
    assert patch_distance(target, target) == 0
    picture = (1 - target).requires_grad_()
    patch_distance(picture, target).backward()
    assert picture.grad is not None
    rows, columns = (picture.grad != 0).any(-1).any(0).nonzero().unbind(1)
    assert 24 <= rows.max() - rows.min() <= 36
    assert 24 <= columns.max() - columns.min() <= 36
    assert patch_distance(picture, target, 0) == patch_distance(picture, target, 0)
    assert patch_distance(picture, target, 0) != patch_distance(picture, target, 1)


def test_pictures_too_small_to_be_compared_cost_nothing():
    assert patch_distance(torch.zeros(1, 31, 60, 3), torch.ones(1, 31, 60, 3)) == 0


def test_alpha_error_of_a_hard_outline():
    inside = torch.zeros(1, 4, 4)
    inside[:, :2] = 1
    assert losses.alpha_error(inside, inside) == 0
    assert losses.alpha_error(1 - inside, inside) == 1


def test_within_an_empty_mask_is_zero():
    assert losses.within(torch.ones(1, 3, 3), torch.zeros(1, 3, 3, dtype=torch.bool)) == 0


def test_normals_agree_with_themselves():
    normal = torch.nn.functional.normalize(torch.randn(1, 5, 5, 3), dim=-1)
    mask = torch.ones(1, 5, 5, dtype=torch.bool)
    assert losses.normal_agreement(normal, normal, mask).abs() < 1e-6
    torch.testing.assert_close(losses.normal_agreement(-normal, normal, mask), torch.tensor(2.0))


def test_depth_ignores_where_the_camera_stands():
    depth = torch.rand(1, 6, 8)
    mask = torch.ones(1, 6, 8, dtype=torch.bool)
    assert losses.depth_agreement(depth + 3, depth, mask) < 1e-4


def test_depth_gradient_is_finite_where_nothing_is_known():
    depth = torch.rand(1, 6, 8, requires_grad=True)
    mask = torch.zeros(1, 6, 8, dtype=torch.bool)
    mask[:, :2, 3] = True
    losses.depth_agreement(depth, torch.rand(1, 6, 8), mask).backward()
    assert depth.grad is not None
    assert torch.isfinite(depth.grad).all()
