"""Threads, and denormal numbers."""

import numba
import pytest
import torch

from instag.errors import BadArgument
from instag.runtime.threads import denormals_flushed, set_threads


def test_threads() -> None:
    before = torch.get_num_threads(), numba.get_num_threads()
    try:
        assert set_threads(1) == 1
        assert torch.get_num_threads() == numba.get_num_threads() == 1
        with pytest.raises(BadArgument, match="--threads"):
            set_threads(10_000)
    finally:
        torch.set_num_threads(before[0])
        numba.set_num_threads(before[1])


def test_denormals_are_gone_in_the_block_alone() -> None:
    small = torch.full((1,), 1e-39)
    assert float(small * 1.0) > 0
    with denormals_flushed():
        assert float(small * 1.0) == 0
        with denormals_flushed():
            pass
        assert float(small * 1.0) == 0
    assert float(small * 1.0) > 0
