"""The device that computes, its memory and its threads."""

import gc
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from instag.errors import BadArgument, DeviceFull
from instag.runtime.garbage import loading_uncollected

if TYPE_CHECKING:
    import torch

TURN_S = 5e-4
"""Until a thread of a live process asks another one for Python."""


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """A reason why a GPU cannot be used, and the command or step that mends it (empty where nothing
    can)."""

    what: str
    mend: str = ""


def gpu_obstacle(index: int = 0) -> Obstacle | None:
    """None where instag can use a GPU of this machine, the one with this number. Looks without
    compiling or importing gsplat's kernels."""
    import torch

    if not torch.cuda.is_available():
        driver = shutil.which("nvidia-smi") is not None or Path("/dev/nvidia0").exists()
        if driver and torch.version.cuda is None:
            return Obstacle(
                what=(
                    f"an NVIDIA driver is there, but torch {torch.__version__} is built for "
                    "the CPU alone"
                ),
                mend="pip install torch==2.13.0 --force-reinstall",
            )
        if driver:
            return Obstacle(
                what=(
                    f"torch {torch.__version__} finds no GPU that it can use: the driver "
                    f"may be older than CUDA {torch.version.cuda}"
                ),
                mend="nvidia-smi",
            )
        return Obstacle(what="no NVIDIA GPU")
    if index < torch.cuda.device_count():
        capability, built = torch.cuda.get_device_capability(index), torch.cuda.get_arch_list()
        if not runs_on(capability, built):
            known = f"compute capability {capability[0]}.{capability[1]}, built: {', '.join(built)}"
            return Obstacle(
                what=(
                    f"torch {torch.__version__} has no code for "
                    f"{torch.cuda.get_device_name(index)} ({known})"
                )
            )
    if importlib.util.find_spec("gsplat") is None:
        return Obstacle(
            what="gsplat, which renders on the GPU, is not installed",
            mend='pip install "instag[gpu]"',
        )
    # What gsplat compiled before does not help: it looks for the toolkit all the same, and loads
    # nothing without.
    if not _gsplat_has_kernels() and _compiler() is None:
        toolkit = torch.version.cuda
        return Obstacle(
            what=(
                "gsplat has to compile its kernels once, and nvcc was not found (CUDA "
                f"toolkit {toolkit})"
            ),
            mend=(
                f"install the CUDA {toolkit} toolkit and set CUDA_HOME to its folder, or "
                "put nvcc on PATH"
            ),
        )
    return None


def runs_on(capability: tuple[int, int], built: list[str]) -> bool:
    """Whether a GPU of this compute capability runs code that was built for some architectures, by
    torch's names: sm_86 or compute_90.

    Machine code serves GPUs of its own generation that are as new or newer; what is compute_ is
    compiled for any that are newer.
    """
    versions = [
        (kind, divmod(int(number.rstrip("af")), 10))
        for kind, _, number in (name.partition("_") for name in built)
        if kind in ("sm", "compute")
    ]
    fits = [
        version <= capability and (kind == "compute" or version[0] == capability[0])
        for kind, version in versions
    ]
    return any(fits) or not fits


def gsplat_built() -> bool:
    """Whether gsplat's kernels lie ready, in its package or in torch's folder of built
    extensions."""
    if _gsplat_has_kernels():
        return True
    cache = Path(os.environ.get("TORCH_EXTENSIONS_DIR", Path.home() / ".cache/torch_extensions"))
    return any(cache.glob("**/gsplat_cuda/gsplat_cuda.*"))


def _gsplat_has_kernels() -> bool:
    """Whether gsplat's package was installed with its kernels."""
    found = importlib.util.find_spec("gsplat")
    package = (
        Path(next(iter(found.submodule_search_locations)))
        if found and found.submodule_search_locations
        else None
    )
    return package is not None and any(package.glob("csrc*"))


def _compiler() -> str | None:
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    return shutil.which("nvcc") or shutil.which("nvcc", path=str(Path(home) / "bin"))


def device_named(name: str = "auto") -> "torch.device":
    """The device to compute on: "auto" (a GPU where one can be used, else the CPU), "cpu", "cuda"
    or "cuda:1".

    Raises BadArgument for other names, and for a GPU that cannot be used.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if gpu_obstacle() is None else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadArgument(
            f"There is no device named {name!r}. Choose auto, cpu, cuda or, with several GPUs, "
            "cuda:1."
        ) from error
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise BadArgument(f"instag does not run on device {name!r}. Choose auto, cpu or cuda.")
    obstacle = gpu_obstacle(device.index or 0)
    if obstacle is not None:
        mend = f" Mend it: {obstacle.mend}" if obstacle.mend else " Use --device cpu."
        raise BadArgument(f"--device {name} can not be used: {obstacle.what}.{mend}")
    if (device.index or 0) >= torch.cuda.device_count():
        raise BadArgument(
            f"--device {name} can not be used: this machine has {torch.cuda.device_count()} "
            "GPU(s), counted from 0."
        )
    return device


def device_name(device: "torch.device") -> str:
    """What a device is called, for reports: the GPU's name, or cpu."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def free_memory(device: "torch.device") -> int:
    """Bytes that are free on a device; for the CPU, in the host."""
    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # not on Windows and macOS
        return 4 * 2**30


def wait_for(device: "torch.device") -> None:
    """Return once the device has finished all launched work; for clocks."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(device: "torch.device") -> int:
    """The peak of the device's memory that tensors took, bytes; 0 on the CPU: measure the process'
    memory there."""
    import torch

    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def release_memory(device: "torch.device") -> None:
    """Free the memory that torch holds for reuse, and reset `peak_memory`."""
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def free_unused(device: "torch.device") -> None:
    """Free what a GPU holds for reuse, also of what only garbage refers to."""
    import torch

    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()


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


def set_threads(threads: int | None = None, *, share: float = 1.0) -> int:
    """Let Torch, numba and OpenCV use this many threads, by default a share of as many as there are
    cores, at most $NUMBA_NUM_THREADS; returns the number.

    Raises BadArgument for less than one and for more than numba was started with.
    """
    with loading_uncollected():
        import cv2
        import numba
        import torch
        from numba.core import config

    available = _usable_cores()
    if threads is None:
        most = min(available, config.NUMBA_NUM_THREADS)  # pyright: ignore[reportAttributeAccessIssue]
        threads = max(1, int(share * most))
    try:
        numba.set_num_threads(threads)
    except ValueError as error:
        raise BadArgument(
            f"--threads {threads} can not be used: this machine has {available} cores. Choose 1 to "
            f"{available}."
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

    count = max(1, min(torch.get_num_threads(), config.NUMBA_NUM_THREADS))  # pyright: ignore[reportAttributeAccessIssue]
    numba.set_num_threads(count)
    return count


def keep_freed_memory() -> None:
    """Let this process keep freed memory for its next arrays, where the C library is glibc;
    elsewhere nothing happens.

    By default glibc gives large arrays back, and the system clears every page of the next ones: a
    sixth of the time that speaking takes on a CPU.
    """
    import ctypes

    trim_threshold, mmap_threshold = -1, -3
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return
    mallopt(mmap_threshold, 32 * 2**20)
    mallopt(trim_threshold, 2**30)


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
