"""The oracle against what can be worked out by hand, and its gradients against finite
differences."""

import math

import pytest
import torch

from instag.rendering.reference import ReferenceRenderer
from rendering.scenes import MOVING, pictures, ready, render, scene


def single(
    opacity: float = 0.8, scale: float = 0.02, depth: float = 1.0
) -> dict[str, torch.Tensor]:
    """One round splat on the axis of a camera of focal length 100 px, in the middle of the pixel
    (10, 10) of 21 x 21."""
    values = scene(0, count=1, width=21, height=21)
    values["means"] = torch.tensor([[[0.0, 0.0, depth]]], dtype=torch.float64)
    values["scales"] = torch.full((1, 1, 3), scale, dtype=torch.float64)
    values["opacities"] = torch.tensor([[opacity]], dtype=torch.float64)
    values["viewmats"] = torch.eye(4, dtype=torch.float64)[None]
    values["Ks"] = torch.tensor(
        [[[100.0, 0, 10.5], [0, 100.0, 10.5], [0, 0, 1]]], dtype=torch.float64
    )
    return values


def test_one_splat_is_the_dilated_gaussian():
    values = single()
    seen = render(ReferenceRenderer(), values, 21, 21)
    variance = (100 * 0.02) ** 2 + 0.3
    x = torch.arange(21, dtype=torch.float64) - 10
    expected = 0.8 * torch.exp(-(x[:, None] ** 2 + x**2) / (2 * variance))
    expected[expected < 1 / 255] = 0
    torch.testing.assert_close(seen.alphas[0], expected)
    torch.testing.assert_close(seen.colors[0], expected[..., None] * values["colors"][0, 0])
    torch.testing.assert_close(seen.depths[0], torch.where(expected > 0, 1.0, 0.0).double())
    torch.testing.assert_close(
        seen.radii[0, 0].item(), math.sqrt(variance * 2 * math.log(255 * 0.8))
    )


def test_the_nearer_splat_hides_the_other():
    near, far = single(depth=0.5, opacity=1.0), single(depth=1.0)
    both = {
        name: torch.cat([far[name], near[name]], 1)
        if name in MOVING and name != "viewmats"
        else near[name]
        for name in near
    }
    both["colors"] = torch.tensor([[[0.0, 1, 0], [1, 0, 0]]], dtype=torch.float64)
    seen = render(ReferenceRenderer(), both, 21, 21)
    torch.testing.assert_close(
        seen.colors[0, 10, 10], torch.tensor([0.999, 0.001 * 0.8, 0], dtype=torch.float64)
    )
    assert seen.depths[0, 10, 10] == pytest.approx((0.999 * 0.5 + 0.0008 * 1.0) / 0.9998)


@pytest.mark.parametrize(
    "change", [{"depth": 0.009}, {"depth": -1.0}, {"opacity": 0.0}, {"opacity": 0.9 / 255}]
)
def test_what_is_not_seen(change: dict[str, float]):
    seen = render(ReferenceRenderer(), single(**change), 21, 21)
    assert not seen.alphas.any()
    assert not seen.radii.any()
    assert not seen.depths.any()


def test_a_window_of_a_picture_is_a_camera():
    """Equal up to the Jacobian's hold outside the picture: every splat here lies inside of both."""
    values = scene(3, width=64, height=48)
    values["scales"] = values["scales"].clamp(max=0.01)
    values["means"] = 0.1 * values["means"]
    whole = pictures(render(ReferenceRenderer(), values, 64, 48))
    values["Ks"] = values["Ks"].clone()
    values["Ks"][:, 0, 2] -= 25
    values["Ks"][:, 1, 2] -= 15
    part = pictures(render(ReferenceRenderer(), values, 20, 18))
    torch.testing.assert_close(part, whole[:, 15:33, 25:45])


def test_gradients_are_those_of_finite_differences():
    values = ready(scene(5, count=3, width=6, height=5), torch.float64)
    with torch.no_grad():  # away from the thresholds, where the picture jumps
        values["scales"].clamp_(0.02, 0.04)
        values["means"].mul_(0.3)
        values["opacities"].mul_(0.5).add_(0.2)
    smooth = ReferenceRenderer(skip_under=1e-12)

    def picture(*inputs: torch.Tensor) -> torch.Tensor:
        seen = render(smooth, {**values, **dict(zip(MOVING, inputs, strict=True))}, 6, 5)
        return torch.cat([seen.colors, seen.alphas[..., None], seen.depths[..., None]], -1)

    inputs = [values[name] for name in MOVING]
    assert torch.autograd.gradcheck(picture, inputs, eps=1e-7, atol=1e-4, rtol=1e-4, fast_mode=True)


def test_detached_channels_do_not_move_geometry():
    values = ready(scene(6), torch.float64)
    render(ReferenceRenderer(), values, 40, 30).detached.sum().backward()
    assert values["detached"].grad is not None
    assert values["detached"].grad.any()
    gradients = [values[name].grad for name in MOVING if name != "detached"]
    assert not any(gradient.any() for gradient in gradients if gradient is not None)


def test_memory_is_cut_into_chunks():
    values = scene(7)
    whole, cut = (
        render(ReferenceRenderer(), values, 40, 30),
        render(ReferenceRenderer(chunk=500), values, 40, 30),
    )
    torch.testing.assert_close(pictures(cut), pictures(whole), rtol=1e-12, atol=1e-12)


def test_a_camera_alone_sees_nothing():
    values = scene(8, count=0)
    seen = render(ReferenceRenderer(), values, 7, 5)
    assert seen.colors.shape == (1, 5, 7, 3)
    assert not pictures(seen).any()
