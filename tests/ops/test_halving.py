"""Pictures of half the size: one pass over bytes against plain torch."""

import pytest
import torch

from instag.ops.halving import means_of_four, means_of_four_torch


@pytest.mark.parametrize("shape", [(2, 40, 60, 3), (1, 7, 9, 1), (3, 2, 2, 3)])
def test_one_pass_over_bytes_is_what_torch_computes(shape: tuple[int, ...]):
    pixels = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)).byte()
    assert torch.equal(means_of_four(pixels), means_of_four_torch(pixels))


def test_a_half_goes_to_the_even_number():
    squares = torch.tensor([[0, 1, 1, 2, 0, 0], [1, 0, 1, 2, 0, 1]]).byte()[None, :, :, None]
    assert means_of_four(squares)[0, 0, :, 0].tolist() == [0, 2, 0]
