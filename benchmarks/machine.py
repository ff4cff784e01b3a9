"""What a device can do at best: bytes moved and products summed a second, measured by moving and
multiplying."""

import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import torch

import instag
from instag.runtime.device import device_name, wait_for
from instag.runtime.memory import free_cached, reset_peak_memory


@dataclass(frozen=True, kw_only=True)
class Machine:
    """bandwidth: bytes a second, read and written. rate: float32 operations a second of a matrix
    product."""

    name: str
    bandwidth: float
    rate: float

    def floor(self, *, moved: float, operations: float) -> float:
        """Milliseconds that this takes at the least."""
        return 1e3 * max(moved / self.bandwidth, operations / self.rate)


def measured(device: torch.device) -> Machine:
    """Copies 256 MB (2 GB on a GPU) and multiplies square matrices; medians of 7."""
    large = device.type != "cpu"
    source = torch.ones((2**31 if large else 2**28) // 4, device=device)
    target = torch.empty_like(source)
    side = 8192 if large else 1536
    matrix = torch.randn(side, side, device=device)
    copying = _seconds(lambda: target.copy_(source), device)
    multiplying = _seconds(lambda: matrix @ matrix, device)
    del target, matrix
    free_cached(device)
    reset_peak_memory(device)
    return Machine(
        name=device_name(device),
        bandwidth=2 * source.nbytes / copying,
        rate=2 * side**3 / multiplying,
    )


def described(device: torch.device, threads: int) -> str:
    """What a benchmark ran on, for the head of its output."""
    return f"{device_name(device)}, {threads} threads, torch {torch.__version__}"


def circumstances(machine: Machine, threads: int) -> dict[str, object]:
    """What a benchmark's numbers depend on, for its JSON."""
    return {
        "date": today(),
        "machine": asdict(machine),
        "cores": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "gsplat": _installed("gsplat"),
        "instag": instag.__version__,
    }


def today() -> str:
    """The day in UTC."""
    return f"{datetime.now(tz=UTC):%Y-%m-%d}"


def _installed(package: str) -> str | None:
    """The version of a package; None without it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _seconds(work, device: torch.device) -> float:
    times = []
    for _ in range(9):
        wait_for(device)
        began = time.perf_counter()
        work()
        wait_for(device)
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:])
