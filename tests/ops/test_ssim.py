"""SSIM: the twins against each other and against what SSIM must be."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instag.ops import ssim_matmul
from instag.ops.ssim import ssim, ssim_map, ssim_map_torch
from instag.ops.ssim_matmul import ssim_map_products, ssim_products

SIZES = (
    st.integers(0, 10**6),
    st.integers(1, 3),
    st.integers(1, 30) | st.integers(60, 80),
    st.integers(1, 40) | st.integers(125, 135),
    st.integers(1, 3),
)
"""A seed, frames, height, width and channels."""


def pair(seed: int, *shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two pictures that are somewhat alike."""
    x, y = torch.rand(2, *shape, generator=torch.Generator().manual_seed(seed))
    return x, 0.7 * x + 0.3 * y


def with_gradients(mean, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
    """A mean over pictures, and its derivatives by both."""
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    value = mean(x, y)
    value.backward()
    assert x.grad is not None
    assert y.grad is not None
    return [value.detach(), x.grad, y.grad]


@given(*SIZES)
def test_twins_of_the_map(seed: int, frames: int, height: int, width: int, channels: int):
    x, y = pair(seed, frames, height, width, channels)
    expected = ssim_map_torch(x.double(), y.double())
    for twin in (ssim_map, ssim_map_products):
        torch.testing.assert_close(twin(x, y).double(), expected, rtol=0, atol=2e-5)


@given(*SIZES)
def test_twins_of_the_mean(seed: int, frames: int, height: int, width: int, channels: int):
    x, y = pair(seed, frames, height, width, channels)
    expected = with_gradients(lambda x, y: ssim_map_torch(x, y).mean(), x.double(), y.double())
    for twin in (ssim, ssim_products):
        value, *slopes = with_gradients(twin, x, y)
        assert value.item() == pytest.approx(expected[0].item(), abs=2e-5)
        for here, there in zip(slopes, expected[1:], strict=True):
            assert (here - there).abs().amax() <= 1e-4 * there.abs().amax()


def test_a_mean_does_not_depend_on_how_many_frames_are_compared_at_once(monkeypatch):
    x, y = pair(0, 5, 20, 30, 3)
    whole = with_gradients(ssim_products, x, y)
    monkeypatch.setattr(ssim_matmul, "AT_ONCE", 2 * 20 * 30 * 3)
    for part, every in zip(with_gradients(ssim_products, x, y), whole, strict=True):
        torch.testing.assert_close(part, every)


def test_a_picture_that_is_not_learned_has_no_gradient():
    x, y = pair(0, 1, 20, 30, 3)
    ssim_products(x.requires_grad_(), y).backward()
    assert x.grad is not None
    assert y.grad is None


@pytest.mark.parametrize("mean", [lambda x, y: ssim_map_torch(x, y).mean(), ssim_products])
def test_gradients_are_those_of_finite_differences(mean):
    x, y = torch.rand(2, 1, 4, 5, 1, dtype=torch.float64).unbind()
    assert torch.autograd.gradcheck(mean, (x.requires_grad_(), y.requires_grad_()))


def test_equal_pictures_and_opposite_ones():
    x = torch.rand(1, 20, 30, 3)
    assert ssim(x, x).item() == pytest.approx(1, abs=1e-5)
    assert ssim(x, 1 - x) < 0
    assert ssim(x, x.roll(3, 1)) < 0.5


def test_flat_pictures_differ_in_brightness_alone():
    """Far from the border: (2 a b + C1) / (a^2 + b^2 + C1)."""
    a, b = 0.3, 0.8
    value = ssim_map(torch.full((1, 31, 31, 1), a), torch.full((1, 31, 31, 1), b))[
        0, 15, 15, 0
    ].item()
    assert value == pytest.approx((2 * a * b + 1e-4) / (a * a + b * b + 1e-4), abs=1e-4)


def test_outside_is_black():
    """The corner's window sees a quarter of a flat picture: its mean is 0.3 x (sum of the taps from
    the middle on)^2."""
    taps = torch.exp(-0.5 * (torch.arange(-5, 6) / 1.5) ** 2)
    share = (taps / taps.sum())[5:].sum().item() ** 2
    mean, square = 0.3 * share, 0.09 * share
    value = ssim_map(torch.full((1, 31, 31, 1), 0.3), torch.zeros(1, 31, 31, 1))[0, 0, 0, 0].item()
    assert value == pytest.approx(
        1e-4 / (mean**2 + 1e-4) * 9e-4 / (square - mean**2 + 9e-4), rel=1e-3
    )
