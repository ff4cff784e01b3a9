"""The memory of a process, as Linux counts it."""

from pathlib import Path


def memory_mb(process: int | str = "self") -> float:
    """That it holds now."""
    return _status(process)["VmRSS"]


def peak_memory_mb(process: int | str = "self") -> float | None:
    """The most that it ever held; None where no Linux counts it. What `resource` and `wait4` tell
    is at least what the process held that started it."""
    return _status(process).get("VmHWM") if Path("/proc/self/status").is_file() else None


def _status(process: int | str) -> dict[str, float]:
    """MB by the names of Linux."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    pairs = (line.split() for line in lines if line.endswith(" kB"))
    return {name.removesuffix(":"): int(number) / 1024 for name, number, _ in pairs}
