"""Device, seed and threads."""

import random

import numba
import numpy as np
import pytest
import torch

from instag.compute import choose_device, set_seed, set_threads
from instag.errors import BadArgument


def test_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda")


def test_missing_gpu_and_unknown_names_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadArgument, match="instag doctor"):
        choose_device("cuda")
    with pytest.raises(BadArgument, match="auto, cpu, cuda"):
        choose_device("abacus")


def test_same_seed_same_numbers() -> None:
    def draw() -> tuple[float, float, float]:
        set_seed(7)
        return random.random(), float(np.random.rand()), float(torch.rand(1))  # noqa: NPY002

    assert draw() == draw()


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
