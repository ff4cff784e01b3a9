"""Ways from 0 to 1."""

import pytest
import torch

from instag.ops.easing import smoothstep


def test_smoothstep_is_level_at_both_ends():
    share = torch.linspace(0, 1, 101, dtype=torch.float64)
    way = smoothstep(share)
    assert (way[0], way[50], way[-1]) == (0, 0.5, 1)
    assert (way.diff() > 0).all()
    assert way.diff()[[0, -1]].max() < 4e-4
    assert smoothstep(0.25) == pytest.approx(float(way[25]))
