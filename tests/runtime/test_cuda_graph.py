"""Replay: the same numbers as the work itself, recorded on the GPU that its tensors lie on."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from instag.runtime.cuda_graph import CudaGraph, cuda_graphed
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
