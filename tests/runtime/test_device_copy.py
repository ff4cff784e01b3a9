"""Copies between the host and a device: of any tensor, however it lies in memory."""

import pytest
import torch

from instag.runtime.device_copy import to_device_async

CUDA = torch.device("cuda")


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What is pinned, in torch's way: the same strides in other memory
    (aten/src/ATen/native/Memory.cpp)."""
    seen = []

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        assert tensor.device.type == "cpu", "torch pins nothing else"
        copy = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
        seen.append(copy.copy_(tensor))
        return copy

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, device, non_blocking=False: tensor)
    return seen


def test_an_expanded_tensor_is_sent(pinned: list[torch.Tensor]) -> None:
    """An expression that is held still is one row for all frames."""
    row = torch.arange(6.0)
    for tensor in (
        row.expand(4, -1),
        row.expand(1, -1),
        torch.zeros(0, 6),
        torch.arange(24.0).reshape(4, 6).T,
    ):
        assert torch.equal(to_device_async(tensor, CUDA), tensor)
    assert len(pinned) == 4


def test_what_lies_on_a_gpu_is_not_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor asked onto "cuda" lies on "cuda:0", which torch holds for another device."""
    there = torch.zeros(2, device="meta")
    monkeypatch.setattr(
        torch.Tensor, "device", property(lambda tensor: torch.device("cuda:0")), raising=False
    )
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, device, non_blocking=False: tensor)
    assert to_device_async(there, CUDA) is there
