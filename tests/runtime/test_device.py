"""Threads, and denormal numbers."""

import gc
import sys

import numba
import pytest
import torch

from instag.errors import BadArgument
from instag.runtime import device
from instag.runtime.device import (
    denormals_flushed,
    device_named,
    gpu_obstacle,
    ready_for_live,
    runs_on,
    set_threads,
)
from instag.runtime.garbage import loading_uncollected


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


def test_live_heads_leave_cores_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads(), numba.get_num_threads(), sys.getswitchinterval()
    try:
        for cores, threads in ((1, 1), (2, 1)):
            monkeypatch.setattr(device, "_usable_cores", lambda cores=cores: cores)
            assert ready_for_live() == torch.get_num_threads() == threads
        assert ready_for_live(1) == 1
        assert sys.getswitchinterval() < 1e-3
    finally:
        torch.set_num_threads(before[0])
        numba.set_num_threads(before[1])
        sys.setswitchinterval(before[2])


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


@pytest.mark.parametrize(
    "capability, fits",
    [
        ((6, 1), False),
        ((7, 5), True),
        ((8, 0), False),
        ((8, 9), True),
        ((9, 0), True),
        ((10, 0), False),
        ((12, 1), True),
    ],
)
def test_a_gpu_runs_what_was_built_for_its_generation(
    capability: tuple[int, int], fits: bool
) -> None:
    assert runs_on(capability, ["sm_75", "sm_86", "sm_90a", "compute_120"]) == fits
    assert runs_on(capability, [])


def test_an_old_gpu_is_not_taken_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(
        torch.cuda, "get_device_name", lambda index: ("NVIDIA H100", "NVIDIA GTX 1080")[index]
    )
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: ((9, 0), (6, 1))[index])
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_90"])
    monkeypatch.setattr(device, "_gsplat_has_kernels", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert device_named("auto") == torch.device("cuda")
    with pytest.raises(BadArgument, match=r"no code for NVIDIA GTX 1080 .*--device cpu"):
        device_named("cuda:1")


def test_kernels_that_gsplat_compiled_need_the_toolkit_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """gsplat 1.5.3 loads none of its kernels where it finds no nvcc, unless they came with it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(device, "gsplat_built", lambda: True)
    monkeypatch.setattr(device, "_gsplat_has_kernels", lambda: False)
    monkeypatch.setattr(device, "_compiler", lambda: None)
    assert device_named("auto") == torch.device("cpu")


def test_garbage_is_collected_again_after_loading() -> None:
    with loading_uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count()
    gc.unfreeze()
