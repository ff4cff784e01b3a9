"""SSIM: the twins against each other and against what SSIM must be."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instag.ops.ssim import ssim, ssim_map, ssim_map_torch
from instag.ops.ssim_matmul import ssim_map_products


@pytest.mark.parametrize("twin", [ssim_map, ssim_map_products])
@given(
    st.integers(0, 10**6),
    st.integers(1, 2),
    st.integers(1, 30) | st.integers(60, 80),
    st.integers(1, 40) | st.integers(125, 135),
    st.integers(1, 3),
)
def test_twins(twin, seed: int, frames: int, height: int, width: int, channels: int):
    random = torch.Generator().manual_seed(seed)
    x, y = torch.rand(2, frames, height, width, channels, generator=random)
    y = (0.7 * x + 0.3 * y).requires_grad_()
    x.requires_grad_()
    twin_x, twin_y = x.detach().double().requires_grad_(), y.detach().double().requires_grad_()
    change = torch.randn(x.shape, generator=random)
    values, expected = twin(x, y), ssim_map_torch(twin_x, twin_y)
    values.backward(change)
    expected.backward(change.double())
    torch.testing.assert_close(values.double(), expected, rtol=0, atol=2e-5)
    for here, there in ((x.grad, twin_x.grad), (y.grad, twin_y.grad)):
        assert here is not None
        assert there is not None
        assert (here - there).abs().amax() <= 1e-4 * there.abs().amax()


@pytest.mark.parametrize("twin", [ssim_map_torch, ssim_map_products])
def test_gradients_are_those_of_finite_differences(twin):
    x, y = torch.rand(2, 1, 4, 5, 1, dtype=torch.float64).unbind()
    assert torch.autograd.gradcheck(twin, (x.requires_grad_(), y.requires_grad_()))


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
