"""Parallel kernels: numba's, safe to call from several threads at once.

Numba runs them on TBB or OpenMP where it finds either. Else it has its own work queue, on macOS
without libomp above all, which ends the whole process where two threads launch kernels at the same
time: there they wait for each other.
"""

import functools
import importlib
import threading
from collections.abc import Callable
from typing import Any, Final

import numba
from numba.core import config

THREAD_SAFE: Final = ("tbb", "omp")
_LAUNCH = threading.Lock()


def parallel_njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` for a parallel kernel that is cached, and lets other Python threads run
    meanwhile; options: further ones of njit."""

    def compiled(function: Callable[..., Any]) -> Any:
        kernel = numba.njit(cache=True, parallel=True, nogil=True, **options)(function)
        return kernel if launches_are_safe() else one_at_a_time(kernel)

    return compiled


def one_at_a_time(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel, which waits while another one runs. Kernels launch no kernels."""

    @functools.wraps(kernel)
    def launch(*arguments: Any) -> Any:
        with _LAUNCH:
            return kernel(*arguments)

    return launch


@functools.cache
def launches_are_safe() -> bool:
    """Whether threads may launch parallel kernels at the same time, by what numba will choose."""
    wanted = config.THREADING_LAYER  # pyright: ignore[reportAttributeAccessIssue]
    if wanted in ("threadsafe", "safe", "forksafe", *THREAD_SAFE):
        return True
    if wanted == "workqueue":
        return False
    layers = config.THREADING_LAYER_PRIORITY  # pyright: ignore[reportAttributeAccessIssue]
    order = [name for name in layers if _is_there(name)]
    return bool(order) and order[0] in THREAD_SAFE


def _is_there(layer: str) -> bool:
    try:
        importlib.import_module(
            f"numba.np.ufunc.{layer if layer == 'workqueue' else f'{layer}pool'}"
        )
    except ImportError:
        return False
    return True
