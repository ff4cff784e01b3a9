"""The tri-plane: its twins, its size, and what is continuous must be so."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instag.models.triplane import TriPlane, read_planes
from instag.models.triplane_gather import grids_of, read_planes_at_once
from instag.models.triplane_numba import read_planes_fast

FACE, MOUTH = (16, 38.4), (64, 57.6)


def lively(base: int, finest: float, **settings: int) -> TriPlane:
    """With entries large enough to see."""
    encoding = TriPlane(base, finest, **settings)
    torch.nn.init.uniform_(encoding.entries, -1, 1)
    return encoding


@given(st.integers(0, 10**6), st.sampled_from([FACE, MOUTH]), st.sampled_from([0, 1, 3, 500]))
def test_twins(seed: int, grids: tuple[int, float], count: int):
    random = torch.Generator().manual_seed(seed)
    encoding = lively(*grids)
    change = torch.randn(count, 36, generator=random)
    units = torch.rand(count, 3, generator=random)
    # Slopes jump where cells meet; which cell a point on the border is in hangs on rounding.
    places = units[..., None].double() * torch.tensor(encoding.scales) + 0.5
    units = units[((places - places.round()).abs() > 1e-4).all(-1).all(-1)]
    change = change[: len(units)]
    results = []

    def at_once(entries, units, scales, sizes):
        return read_planes_at_once(entries, units, **grids_of(scales, sizes))

    for read, dtype in (
        (read_planes, torch.float64),
        (read_planes_fast, torch.float32),
        (at_once, torch.float32),
    ):
        entries, places = (
            encoding.entries.detach().to(dtype, copy=True).requires_grad_(),
            units.to(dtype, copy=True).requires_grad_(),
        )
        features = read(entries, places, encoding.scales, encoding.sizes)
        features.backward(change.to(dtype))
        results.append((features, entries.grad, places.grad))
    exact, *others = results
    for other in others:
        for there, here in zip(exact, other, strict=True):
            assert here.shape == there.shape
            assert not there.numel() or (here - there).abs().amax() <= 2e-5 * max(
                1, there.abs().amax().item()
            )


@pytest.mark.parametrize("base, finest", [FACE, MOUTH])
def test_entries_are_counted_as_the_method_has_them(base: int, finest: float):
    growth = math.exp2(math.log2(finest / base) / 11)
    resolutions = [math.ceil(round(base * growth**level, 6)) for level in range(12)]
    encoding = TriPlane(base, finest)
    assert encoding.entries.numel() == 3 * sum((resolution + 1) ** 2 for resolution in resolutions)
    assert encoding.entries.abs().max() <= 1e-4
    assert encoding.width == 36


def test_an_entry_is_read_where_it_lies():
    """One level of scale 3: the value at cell corners is the entry's; (x, y), (y, z) and (x, z) in
    this order."""
    encoding = lively(4, 4, levels=1)
    grids = encoding.entries.detach().view(3, 5, 5)
    units = (torch.tensor([1.0, 2.0, 3.0]) - 0.5) / 3
    seen = encoding((units * 0.3 - 0.15)[None]).detach()[0]
    torch.testing.assert_close(
        seen, torch.stack([grids[0, 2, 1], grids[1, 3, 2], grids[2, 3, 1]]), rtol=1e-4, atol=1e-5
    )


def test_points_outside_are_taken_at_the_border_and_batches_are_points():
    encoding = lively(*FACE)
    torch.testing.assert_close(
        encoding(torch.tensor([[0.2, -0.9, 0.1]])), encoding(torch.tensor([[0.15, -0.15, 0.1]]))
    )
    points = 0.2 * torch.rand(2, 4, 7, 3) - 0.1
    torch.testing.assert_close(encoding(points)[1, 2], encoding(points[1, 2]))


def test_gradients_are_those_of_finite_differences():
    encoding = lively(4, 6, levels=3).double()
    units = torch.rand(
        4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda entries, places: read_planes(entries, places, encoding.scales, encoding.sizes),
        (encoding.entries, units),
    )
