"""Asynchronous copies between the host and a device."""

from typing import final

import torch
from torch import Tensor


def to_device_async(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on `device`. Its host memory is pinned first, so that the copy goes on while more
    work is launched."""
    if device.type != "cuda" or tensor.device.type == "cuda":
        return tensor.to(device)
    # Pinning keeps strides, and torch does not write into memory that several elements of an
    # expanded tensor share.
    return tensor.contiguous().pin_memory().to(device, non_blocking=True)


def urgent_stream(device: torch.device) -> torch.cuda.Stream | None:
    """A stream whose work goes before that of others, for torch.cuda.stream; None, which changes
    nothing there, on a device without streams."""
    return torch.cuda.Stream(device, -1) if device.type == "cuda" else None


@final
class PendingTensor:
    """A tensor on its way to the host."""

    def __init__(self, tensor: Tensor, done: torch.cuda.Event | None) -> None:
        self._tensor, self._done = tensor, done

    def wait(self) -> Tensor:
        """The tensor in host memory of its own."""
        if self._done is not None:
            self._done.synchronize()
        return self._tensor


@final
class AsyncDownload:
    """Brings tensors from a device to the host, on a stream of its own, while the device computes
    the next."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def start(self, tensor: Tensor) -> PendingTensor:
        """Begin to copy the result of the work launched so far. On a CPU the tensor itself
        arrives."""
        if self._stream is None:
            return PendingTensor(tensor, None)
        self._stream.wait_stream(torch.cuda.current_stream(tensor.device))
        with torch.cuda.stream(self._stream):
            # Pinned memory comes from a pool and returns to it when its last array is dropped: no
            # buffer is written twice.
            host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            host.copy_(tensor, non_blocking=True)
            tensor.record_stream(self._stream)
            done = torch.cuda.Event()
            done.record(self._stream)
        return PendingTensor(host, done)
