"""Replay: the same numbers as the work itself, recorded on the GPU that its tensors lie on."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from instag.runtime.cuda_graph import CudaGraph, RecordingGate, cuda_graphed
from instag.runtime.device import gpu_obstacle


def twice(first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return first * 2 + second, first.sum(-1)


@pytest.mark.parametrize("device", ["cpu"] + ["cuda"] * (gpu_obstacle() is None))
def test_replayed_work_is_the_work(device: str):
    first, second = torch.rand(2, 4, 3, device=device)
    work = cuda_graphed(twice, first, second)
    for scale in (1.0, 3.0):
        for seen, expected in zip(
            work(first * scale, second), twice(first * scale, second), strict=True
        ):
            torch.testing.assert_close(seen, expected)


def test_the_second_gpu_records_its_own_work(monkeypatch: pytest.MonkeyPatch):
    """Streams are of the current device: a recording of another one's stream would be empty."""
    current, recorded = [0], []

    @contextmanager
    def device(wanted: torch.device) -> Iterator[None]:
        current.append(wanted.index)
        yield
        current.pop()

    def graph(graph: Any, *, stream: Mock, capture_error_mode: str) -> nullcontext:
        recorded.append((stream.on, capture_error_mode))
        return nullcontext()

    for name in ("Stream", "current_stream"):
        monkeypatch.setattr(torch.cuda, name, lambda: Mock(on=current[-1]))
    for name, value in {
        "device": device,
        "graph": graph,
        "CUDAGraph": Mock,
        "stream": nullcontext,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(
        torch.Tensor, "device", property(lambda tensor: torch.device("cuda:1")), raising=False
    )
    CudaGraph(lambda tensor: (tensor,), torch.ones(2))
    assert recorded == [(1, "thread_local")]


def pretended(monkeypatch: pytest.MonkeyPatch, graph: Any) -> None:
    """A GPU that records so."""
    for name in ("Stream", "current_stream", "CUDAGraph"):
        monkeypatch.setattr(torch.cuda, name, Mock)
    for name in ("device", "stream"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", graph)
    device = property(lambda tensor: torch.device("cuda:0"))
    monkeypatch.setattr(torch.Tensor, "device", device, raising=False)


def test_work_that_a_gpu_does_not_record_is_launched_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    @contextmanager
    def graph(*_: Any, **__: Any) -> Iterator[None]:
        yield
        raise RuntimeError("operation failed due to a previous error during capture")

    ended = Mock()
    with monkeypatch.context() as patched:
        pretended(patched, graph)
        patched.setattr(torch._C, "_cuda_endAllocateToPool", ended, raising=False)
        work = cuda_graphed(twice, torch.ones(2), torch.ones(2))
    assert "could not be recorded" in caplog.text
    ended.assert_called_once()
    assert torch.equal(work(torch.ones(2), torch.ones(2))[0], torch.full((2,), 3.0))
    assert gc.isenabled()


def test_a_full_gpu_is_no_failed_recording(monkeypatch: pytest.MonkeyPatch):
    @contextmanager
    def graph(*_: Any, **__: Any) -> Iterator[None]:
        yield
        raise torch.cuda.OutOfMemoryError

    pretended(monkeypatch, graph)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        CudaGraph(twice, torch.ones(2), torch.ones(2))


def test_nobody_uses_a_gpu_while_somebody_records():
    gate, seen = RecordingGate(), []
    begun, may_end = threading.Event(), threading.Event()

    def record() -> None:
        with gate.using(), gate.recording():
            begun.set()
            may_end.wait(10)
            seen.append("recorded")

    def use() -> None:
        with gate.using(), gate.using():
            seen.append("used")

    recorder, user = threading.Thread(target=record), threading.Thread(target=use)
    recorder.start()
    assert begun.wait(10)
    user.start()
    user.join(0.05)
    assert not seen
    may_end.set()
    for thread in (recorder, user):
        thread.join(10)
    assert seen == ["recorded", "used"]


def test_two_who_use_a_gpu_and_record_do_not_wait_for_each_other():
    gate, both, recorded = RecordingGate(), threading.Barrier(2), []

    def record() -> None:
        with gate.using():
            both.wait(10)
            with gate.recording():
                recorded.append(1)

    threads = [threading.Thread(target=record) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(recorded) == 2
