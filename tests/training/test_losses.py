"""The terms of the loss: zero where all is well, finite everywhere, worse where worse."""

import pytest
import torch

from instag.ops.perceptual import PerceptualDistance
from instag.training import losses
from instag.types import Camera, Rendering

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


def mixed_from(near: float, far: float, share: float, alpha: float) -> tuple[Rendering, Camera]:
    """A 2 x 2 picture of pixels mixed from two depths (metres before and behind a head 0.6 m away),
    and its camera; the only channel is that of squared depths."""
    shares = torch.tensor([share, 1 - share])
    depths = torch.tensor([near, far])
    blank = torch.ones(1, 2, 2)
    viewmat = torch.eye(4)
    viewmat[2, 3] = 0.6
    rendering = Rendering(
        colors=(alpha * (shares * depths.square()).sum() * blank)[..., None],
        detached=torch.zeros(1, 2, 2, 0),
        alphas=alpha * blank,
        depths=(0.6 + (shares * depths).sum()) * blank,
        means2d=torch.zeros(1, 0, 2),
        radii=torch.zeros(1, 0),
    )
    return rendering, Camera(viewmats=viewmat[None], Ks=torch.eye(3)[None], width=2, height=2)


def spread_of(near: float, far: float, *, share: float = 0.5, alpha: float = 1.0) -> float:
    rendering, camera = mixed_from(near, far, share, alpha)
    mask = torch.ones(1, 2, 2, dtype=torch.bool)
    return float(losses.depth_spread(rendering, rendering.colors[..., -1], camera, mask))


@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_spread_is_the_deviation_of_the_depths_that_are_mixed(alpha: float):
    assert spread_of(-0.08, -0.08, alpha=alpha) == pytest.approx(0.1, abs=0.02)
    assert spread_of(-0.082, -0.076, alpha=alpha) == pytest.approx(0.316, abs=0.01)
    assert spread_of(-0.08, -0.07, share=0.8, alpha=alpha) == pytest.approx(0.412, abs=0.01)


def test_hair_far_before_the_skin_costs_no_more_than_a_centimetre():
    assert spread_of(-0.08, -0.02) == spread_of(-0.08, 0.08) == 1


def test_roughness_forgives_a_head_that_lies_elsewhere_or_is_tilted():
    prior = torch.rand(1, 6, 8, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(1, 6, 8, dtype=torch.bool)
    assert losses.depth_roughness(prior + 0.02, prior, mask) < 1e-4
    tilted = prior + 1e-4 * torch.arange(8)
    torch.testing.assert_close(losses.depth_roughness(tilted, prior, mask), torch.tensor(0.01))
    spiked = prior.clone()
    spiked[0, 3, 4] += 0.005
    assert losses.depth_roughness(spiked, prior, mask) > 0.03


def test_roughness_sees_no_step_across_the_edge_of_the_mask():
    depth = torch.zeros(1, 6, 8)
    depth[:, :, 4:] = 0.1
    mask = torch.zeros(1, 6, 8, dtype=torch.bool)
    mask[:, :, :4] = True
    assert losses.depth_roughness(depth, torch.zeros(1, 6, 8), mask) == 0
