"""The device that computes: a GPU where one can be used, or the CPU."""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from instag.errors import BadArgument
from instag.runtime.home import users_home

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """A reason why a GPU cannot be used, and the command or step that mends it (empty where nothing
    can)."""

    what: str
    mend: str = ""


def gpu_obstacle(index: int = 0) -> Obstacle | None:
    """None where instag can use a GPU of this machine, the one with this number. Looks without
    compiling or importing gsplat's kernels."""
    return _obstacle_to_torch(index) or _obstacle_to_gsplat()


def _obstacle_to_torch(index: int) -> Obstacle | None:
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
    return None


def _obstacle_to_gsplat() -> Obstacle | None:
    import torch

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
    cache = Path(os.environ.get("TORCH_EXTENSIONS_DIR", users_home() / ".cache/torch_extensions"))
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


def wait_for(device: "torch.device") -> None:
    """Return once the device has finished all launched work; for clocks."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
