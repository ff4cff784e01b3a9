"""Threads, and denormal numbers."""

import sys

import cv2
import numba
import pytest
import torch

from instag.errors import BadArgument
from instag.runtime import threads
from instag.runtime.threads import (
    compute_alone,
    denormals_flushed,
    one_thread_each,
    ready_for_live,
    set_threads,
    short_turns,
)


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


@pytest.mark.parametrize(
    ("asked", "processes", "given"),
    [("1", "1", 1), ("0", "", 3), ("many", "x", 3), ("9", "1", 3), ("1", "2", 1), ("1", "9", 1)],
)
def test_fewer_are_used_where_the_environment_asks_for_it(
    asked: str, processes: str, given: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes that torchrun started share three cores."""
    found: list[int] = []
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    monkeypatch.setattr(threads, "_usable_cores", lambda: 3)
    for set_number in ("numba.set_num_threads", "torch.set_num_threads", "cv2.setNumThreads"):
        monkeypatch.setattr(set_number, found.append)
    monkeypatch.setattr("numba.core.config.NUMBA_NUM_THREADS", 4)
    assert set_threads() == given
    assert found == [given] * 3


def test_live_heads_leave_cores_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads(), numba.get_num_threads(), sys.getswitchinterval()
    try:
        for cores, count in ((1, 1), (2, 1)):
            monkeypatch.setattr(threads, "_usable_cores", lambda cores=cores: cores)
            monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
            assert ready_for_live() == torch.get_num_threads() == count
        assert ready_for_live(1) == 1
        assert sys.getswitchinterval() < 1e-3
    finally:
        torch.set_num_threads(before[0])
        numba.set_num_threads(before[1])
        sys.setswitchinterval(before[2])


def test_libraries_compute_alone_in_the_block_alone() -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    try:
        torch.set_num_threads(3)
        cv2.setNumThreads(3)
        with pytest.raises(KeyError), one_thread_each():
            assert torch.get_num_threads() == cv2.getNumThreads() == 1
            raise KeyError
        assert torch.get_num_threads() == cv2.getNumThreads() == 3
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def test_torch_that_is_loaded_in_the_block_computes_alone_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "_usable_cores", lambda: 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delitem(sys.modules, "torch")
    try:
        with one_thread_each():
            assert "torch" not in sys.modules
            monkeypatch.setitem(sys.modules, "torch", torch)
            compute_alone()
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_turns_are_short_in_the_block_alone() -> None:
    before = sys.getswitchinterval()
    with pytest.raises(KeyError), short_turns():
        assert sys.getswitchinterval() < 1e-3
        raise KeyError
    assert sys.getswitchinterval() == before


def test_denormals_are_gone_in_the_block_alone() -> None:
    small = torch.full((1,), 1e-39)
    assert float(small * 1.0) > 0
    with denormals_flushed():
        assert float(small * 1.0) == 0
        with denormals_flushed():
            pass
        assert float(small * 1.0) == 0
    assert float(small * 1.0) > 0
