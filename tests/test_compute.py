"""Threads, and denormal numbers."""

import numba
import pytest
import torch

from instag.compute import denormals_flushed, device_named, gpu_obstacle, set_threads
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


def test_denormals_are_gone_in_the_block_alone() -> None:
    small = torch.full((1,), 1e-39)
    assert float(small * 1.0) > 0
    with denormals_flushed():
        assert float(small * 1.0) == 0
        with denormals_flushed():
            pass
        assert float(small * 1.0) == 0
    assert float(small * 1.0) > 0


def test_devices_by_name() -> None:
    assert device_named("cpu") == torch.device("cpu")
    assert device_named("auto").type in ("cpu", "cuda")
    for name in ("gpu", "meta", "mps"):
        with pytest.raises(BadArgument, match="auto, cpu"):
            device_named(name)


def test_an_obstacle_says_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    obstacle = gpu_obstacle()
    assert obstacle is not None
    assert "instag[gpu]" in obstacle.mend
    with pytest.raises(BadArgument, match="gsplat"):
        device_named("cuda")
    assert device_named("auto") == torch.device("cpu")
