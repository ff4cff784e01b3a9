"""Where and how tensors are computed: the device, the random seed, the number of threads."""

import os
import random

import numpy as np
import torch

from instag.errors import BadArgument

DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str = "auto") -> torch.device:
    """`auto` is the GPU where torch sees one, else the CPU. Raises BadArgument for a name outside DEVICES and for a GPU that is not there."""
    if name not in DEVICES:
        raise BadArgument(f"There is no device named {name!r}. Choose one of: {', '.join(DEVICES)}.")
    if name == "cuda" and not torch.cuda.is_available():
        raise BadArgument("--device cuda: torch sees no GPU here. Run `instag doctor` for the reason, or use --device cpu.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def set_seed(seed: int) -> None:
    """Seed the global generators of Python, NumPy and Torch (all devices)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the global generator is the one that libraries use
    torch.manual_seed(seed)


def set_threads(threads: int | None = None) -> int:
    """Let Torch, numba and OpenCV use this many threads, or as many as there are cores; returns the number.

    Raises BadArgument for less than one and for more than numba was started with.
    """
    import cv2
    import numba

    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = available if threads is None else threads
    try:
        numba.set_num_threads(threads)
    except ValueError as error:
        raise BadArgument(f"--threads {threads} can not be used: this machine has {available} cores. Choose 1 to {available}.") from error
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    return threads
