"""Deviations of codes."""

import torch

from instag.ops.statistics import deviations


def test_small_deviations_count_for_a_tenth_of_the_largest() -> None:
    codes = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    found = deviations(codes * torch.tensor([1.0, 0.5, 1e-3]))
    torch.testing.assert_close(found[:2], (codes.std(0) * torch.tensor([1, 0.5, 0]))[:2])
    assert found[2] == found[0] / 10


def test_codes_that_never_change_have_some() -> None:
    assert (deviations(torch.ones(5, 2)) == 1e-4).all()
