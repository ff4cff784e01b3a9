"""The terms of the loss: zero where all is well, finite everywhere, worse where worse."""

import torch

from instag.training import losses


def test_photometric_is_zero_for_equal_pictures():
    picture = torch.rand(1, 20, 24, 3, generator=torch.Generator().manual_seed(0))
    assert losses.photometric(picture, picture).abs() < 1e-5
    assert losses.photometric(picture, 1 - picture) > 0.1


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
