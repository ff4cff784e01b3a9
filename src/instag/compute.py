"""How many threads compute."""

import os

from instag.errors import BadArgument


def set_threads(threads: int | None = None) -> int:
    """Let Torch, numba and OpenCV use this many threads, or as many as there are cores; returns the number.

    Raises BadArgument for less than one and for more than numba was started with.
    """
    import cv2
    import numba
    import torch

    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = available if threads is None else threads
    try:
        numba.set_num_threads(threads)
    except ValueError as error:
        raise BadArgument(f"--threads {threads} can not be used: this machine has {available} cores. Choose 1 to {available}.") from error
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    return threads


def follow_torch() -> int:
    """Let numba use as many threads as torch does, where it has as many, for what the calling thread starts; returns the number."""
    import numba
    import torch
    from numba.core import config

    count = max(1, min(torch.get_num_threads(), config.NUMBA_NUM_THREADS))  # pyright: ignore[reportAttributeAccessIssue]
    numba.set_num_threads(count)
    return count
