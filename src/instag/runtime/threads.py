"""Threads that compute: how many there are, and how they take denormal numbers."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from instag.errors import BadArgument
from instag.runtime.garbage import loading_uncollected

TURN_S = 5e-4
"""Until a thread of a live process asks another one for Python."""


def set_threads(threads: int | None = None, *, share: float = 1.0) -> int:
    """Let Torch, numba and OpenCV use this many threads, by default a share of as many as there are
    cores, at most $OMP_NUM_THREADS and $NUMBA_NUM_THREADS; returns the number.

    Raises BadArgument for less than one and for more than numba was started with.
    """
    with loading_uncollected():
        import cv2
        import numba
        import torch
        from numba.core import config

    available = _usable_cores()
    most = min(available, config.NUMBA_NUM_THREADS)  # pyright: ignore[reportAttributeAccessIssue]
    if threads is None:
        threads = max(1, int(share * min(most, _asked_for() or most)))
    try:
        numba.set_num_threads(threads)
    except ValueError as error:
        raise BadArgument(
            f"--threads {threads} can not be used: this machine has {available} cores. Choose 1 to "
            f"{most}."
        ) from error
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    return threads


def ready_for_live(threads: int | None = None) -> int:
    """Let this process paint while its other threads hear, code and send: with this many threads,
    by default half of the cores, as two that share their work wait for each other where a third
    wants the core. Python's threads ask for their turn sooner than by default, which is an eighth
    of a frame. Returns the number; raises what `set_threads` does."""
    sys.setswitchinterval(TURN_S)
    return set_threads(threads, share=0.5)


def _asked_for() -> int | None:
    """$OMP_NUM_THREADS: who starts several processes at once leaves each its share of the cores.
    torchrun sets it to 1; its processes share them alike."""
    together = os.environ.get("LOCAL_WORLD_SIZE", "").strip()
    if together.isdecimal() and int(together) > 1:
        return max(1, _usable_cores() // int(together))
    number = os.environ.get("OMP_NUM_THREADS", "").strip()
    return int(number) if number.isdecimal() and int(number) > 0 else None


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def numba_threads_like_torch() -> int:
    """Let numba use as many threads as torch does, where it has as many, for what the calling
    thread starts; returns the number."""
    import numba
    import torch
    from numba.core import config

    most: int = config.NUMBA_NUM_THREADS  # pyright: ignore[reportAttributeAccessIssue]
    count = max(1, min(torch.get_num_threads(), most))
    numba.set_num_threads(count)
    return count


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let OpenCV and Torch compute in the thread that calls them while the block runs, which has
    threads enough of its own: theirs would wait for each other where those want the cores.

    Torch is not loaded for it: what loads it in the block calls `compute_alone`.
    """
    import cv2

    of_torch = None
    if "torch" in sys.modules:
        import torch

        of_torch = torch.get_num_threads()
        compute_alone()
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
        if "torch" in sys.modules:
            import torch

            torch.set_num_threads(of_torch or _asked_for() or _usable_cores())


@contextmanager
def short_turns() -> Iterator[None]:
    """Let Python's threads ask for their turn sooner than by default while the block runs: what one
    loads or counts in Python leaves no core idle whose thread has a line of Python to run."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def compute_alone() -> None:
    """Let Torch compute in the thread that calls it."""
    import torch

    torch.set_num_threads(1)


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Let the calling thread take denormal numbers as zero while the block runs.

    Adam's moments of a parameter that gets no gradient any more become denormal within a thousand
    steps, and arithmetic with them is many times slower: a stage of training slows down as it goes
    on.
    """
    import numpy as np
    import torch

    flushed = not float(torch.full((1,), 1e-39) * 1.0)
    # numpy measures the number formats when first asked, and warns where denormals are gone.
    for number in ("float32", "float64"):
        np.finfo(number)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)
