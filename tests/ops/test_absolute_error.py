"""The mean absolute error: the fast one against plain torch."""

import pytest
import torch

from instag.ops.absolute_error import mean_absolute_error, mean_absolute_error_torch


@pytest.mark.parametrize("masked", [False, True])
def test_value_and_gradient_are_those_of_torch(masked):
    draw = torch.Generator().manual_seed(0)
    picture, target = torch.rand(2, 2, 17, 23, 3, generator=draw)
    target[0, 0, 0] = picture[0, 0, 0]
    mask = torch.rand(2, 17, 23, generator=draw) > 0.5 if masked else None
    values, slopes = [], []
    for error in (mean_absolute_error, mean_absolute_error_torch):
        moved = picture.clone().requires_grad_()
        value = error(moved, target, mask)
        (3 * value).backward()
        values.append(value.detach())
        slopes.append(moved.grad)
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*slopes)


def test_an_empty_mask_gives_zero():
    picture = torch.rand(1, 5, 5, 3, requires_grad=True)
    error = mean_absolute_error(picture, torch.zeros(1, 5, 5, 3), torch.zeros(1, 5, 5).bool())
    error.backward()
    assert float(error.detach()) == 0
    assert picture.grad is not None
    assert not picture.grad.any()
