"""Memory of a device and of this process: how much is free, what is given back."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from instag.errors import DeviceFull

if TYPE_CHECKING:
    import torch


def available_memory(device: "torch.device") -> int:
    """Bytes that are free on a device; for the CPU, in the host."""
    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # not on Windows and macOS
        return 4 * 2**30


def peak_memory(device: "torch.device") -> int:
    """The peak of the device's memory that tensors took, bytes; 0 on the CPU: measure the process'
    memory there."""
    import torch

    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def reset_peak_memory(device: "torch.device") -> None:
    """Let `peak_memory` count from now."""
    import torch

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def free_cached(device: "torch.device") -> None:
    """Give back what torch holds of a GPU's memory for reuse."""
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()


def free_unused(device: "torch.device") -> None:
    """The same, also of what only garbage refers to."""
    if device.type == "cuda":
        gc.collect()
        free_cached(device)


@contextmanager
def explain_device_full() -> Iterator[None]:
    """Turn torch's 'out of memory' into DeviceFull. torch is not imported for it."""
    try:
        yield
    except RuntimeError as error:
        if type(error).__name__ != "OutOfMemoryError":
            raise
        message = (
            "The GPU's memory is full. Close what else uses it, learn with fewer frames a "
            "step (--batch 2), or use --device cpu."
        )
        raise DeviceFull(message) from error


def keep_freed_memory() -> None:
    """Let this process keep freed memory for its next arrays, where the C library is glibc, and let
    Torch's large arrays lie in large pages, where it has allocated none yet and Linux gives such to
    who asks; elsewhere nothing happens.

    By default glibc gives large arrays back, and the system clears every page of the next ones: a
    sixth of the time that training and speaking take on a CPU.
    """
    import ctypes

    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    trim_threshold, mmap_threshold = -1, -3
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return
    mallopt(mmap_threshold, 32 * 2**20)
    mallopt(trim_threshold, 2**30)
