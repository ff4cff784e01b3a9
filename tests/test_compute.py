"""Threads."""

import numba
import pytest
import torch

from instag.compute import set_threads
from instag.errors import BadArgument


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
