"""The doctor: checks of this machine, and the command that repairs what does not work."""

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module, metadata, util
from pathlib import Path

from instag.assets import store
from instag.assets.backend import Backend, missing_packages, obstacle
from instag.capture.backends import optional_backends
from instag.runtime.device import gpu_obstacle, gsplat_built

TABLES = (
    ("renderers", "instag.rendering.registry", "RENDERERS"),
    ("speech front ends", "instag.speech.registry", "FRONT_ENDS"),
    ("outputs", "instag.synthesis.sinks", "SINKS"),
)
"""Tables of backends: title, module, and name in the module."""
CHECKED_ELSEWHERE = ("dev", "gpu")
"""Extras that other checks cover."""
DISK_GB, MEMORY_GB = 2.0, 3.0
"""Most disk and memory that one adaptation to a few seconds of video uses."""
REINSTALL = f"{sys.executable} -m pip install --force-reinstall"


class State(StrEnum):
    """Whether a part works; `OPTIONAL` parts are not needed."""

    OK = "ok"
    OPTIONAL = "optional"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One part: its state, what was found, and mend: the command that repairs it, empty where none
    is needed."""

    name: str
    state: State
    found: str
    mend: str = ""


def examine(folder: Path = Path()) -> list[Check]:
    """Check all parts; `folder` is where outputs would go. Never raises: a check that fails is a
    broken part."""
    return [
        _python(),
        *(_guarded(name, _package, name) for name in needed()),
        _guarded("numba threads", _numba_threads),
        _guarded("face networks", _face_networks),
        _guarded("video encoders", _encoders),
        _guarded("GPU", _gpu),
        *(_guarded(f"extra [{extra}]", _extra, extra) for extra in extras()),
        *(_guarded(name, _backends, name, module, table) for name, module, table in TABLES),
        *(_guarded(f"asset {asset.name}", _asset, asset) for asset in store.ASSETS),
        *(_backend(option, row) for option, row in optional_backends()),
        _cores(),
        _memory(),
        _guarded("disk", _disk, folder),
    ]


def needed() -> list[str]:
    """The distributions that instag always needs, by its own metadata."""
    return [_name(text) for text in _requirements() if "extra ==" not in text]


def extras() -> list[str]:
    """Optional groups of packages that add something here."""
    given = metadata.metadata("instag").get_all("Provides-Extra") or []
    wanted = " ".join(_requirements())
    return [
        extra
        for extra in given
        if extra not in CHECKED_ELSEWHERE and f"extra == {extra!r}" in wanted
    ]


def _guarded(name: str, check: Callable[..., Check], *arguments: object) -> Check:
    """The check's result; a check that raises is a broken part."""
    try:
        return check(*arguments)
    except Exception as error:  # noqa: BLE001 - what is installed wrongly raises anything
        distribution = name if name in needed() else "instag"
        return Check(
            name=name,
            state=State.BROKEN,
            found=f"{type(error).__name__}: {error}",
            mend=f"{REINSTALL} {_requirement(distribution)}",
        )


def _requirements() -> list[str]:
    """Instag's requirements; none where it runs without metadata, from a source tree."""
    try:
        return metadata.requires("instag") or []
    except metadata.PackageNotFoundError:
        return []


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def _requirement(distribution: str) -> str:
    """The version range that instag requires, quoted for a shell."""
    for text in _requirements():
        if _name(text) == distribution:
            return f'"{text.split(";")[0].strip()}"'
    return distribution


def _python() -> Check:
    version = platform.python_version()
    if (3, 11) <= sys.version_info < (3, 15):
        return Check(
            name="Python",
            state=State.OK,
            found=f"{version}, {platform.system()} {platform.machine()}",
        )
    return Check(
        name="Python",
        state=State.BROKEN,
        found=f"{version}: 3.11 to 3.14 are needed",
        mend="install one from https://www.python.org/downloads and make a new environment with it",
    )


def _package(name: str) -> Check:
    """Import the package, because native parts can be broken in an installed one."""
    import_module("cv2" if name.startswith("opencv-") else name.replace("-", "_"))
    return Check(name=name, state=State.OK, found=metadata.version(name))


def _numba_threads() -> Check:
    """The CPU renderer is a third faster on OpenMP's threads than on numba's own."""
    if util.find_spec("numba.np.ufunc.omppool") is not None:
        import_module("numba.np.ufunc.omppool")
        return Check(name="numba threads", state=State.OK, found="OpenMP")
    mend = "brew install libomp" if sys.platform == "darwin" else f"{REINSTALL} --no-deps numba"
    return Check(
        name="numba threads",
        state=State.OPTIONAL,
        found="no OpenMP: numba's own threads are used, slower",
        mend=mend,
    )


def _face_networks() -> Check:
    """Load and run the bundled face networks; nothing is downloaded."""
    import numpy as np

    from instag.perception.face_mesh import FaceMesh

    mesh = FaceMesh()
    mesh.find(np.zeros((64, 64, 3), np.uint8))
    return Check(name="face networks", state=State.OK, found="they load and run")


def _encoders() -> Check:
    """Encode one frame with H.264 and one packet of silence with AAC."""
    import av
    import numpy as np

    from instag.media.writer import nvenc_opens

    with (
        tempfile.TemporaryDirectory() as folder,
        av.open(str(Path(folder) / "try.mp4"), "w") as container,
    ):
        picture, sound = (
            container.add_stream("libx264", rate=25),
            container.add_stream("aac", rate=16_000, layout="mono"),
        )
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        silence = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        silence.rate = 16_000
        container.mux(picture.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(sound.encode(silence))
        container.mux(picture.encode(None))
        container.mux(sound.encode(None))
    return Check(
        name="video encoders",
        state=State.OK,
        found="H.264 and AAC" + (", H.264 on the GPU too (NVENC)" if nvenc_opens() else ""),
    )


def _gpu() -> Check:
    """Whether a GPU can be used; if not, the first thing that is missing. It compiles nothing and
    does not import gsplat."""
    import torch

    names = ""
    if torch.cuda.is_available():
        devices = range(torch.cuda.device_count())
        names = ", ".join(dict.fromkeys(map(torch.cuda.get_device_name, devices)))
    lack = gpu_obstacle()
    if lack is None:
        later = "; it compiles its kernels at the first use, which takes some minutes"
        found = f"{names}, gsplat {metadata.version('gsplat')}"
        return Check(
            name="GPU", state=State.OK, found=found if gsplat_built() else f"{found}{later}"
        )
    found = f"{names}, but {lack.what}" if names else f"{lack.what}: the CPU is used"
    runs_pip = lack.mend.startswith("pip ")
    mend = f"{sys.executable} -m {lack.mend}" if runs_pip else lack.mend
    return Check(name="GPU", state=State.OPTIONAL, found=found, mend=mend)


def _extra(extra: str) -> Check:
    name, missing = f"extra [{extra}]", missing_packages(extra)
    if not missing:
        return Check(name=name, state=State.OK, found="installed")
    return Check(
        name=name,
        state=State.OPTIONAL,
        found=f"not installed (needs {', '.join(missing)})",
        mend=f'{sys.executable} -m pip install "instag[{extra}]"',
    )


def _backends(name: str, module: str, table: str) -> Check:
    """Which rows of a table can be used here; the assets below show how to get what others need."""
    rows = getattr(import_module(module), table)
    ready = [row.name for row in rows if obstacle(row) is None]
    lacking = [row.name for row in rows if row.name not in ready]
    found = ", ".join(ready) + (f"; not usable here: {', '.join(lacking)}" if lacking else "")
    return Check(name=name, state=State.OK, found=found)


def _asset(asset: store.Asset) -> Check:
    path = store.find(asset.name)
    if path is None:
        return Check(
            name=f"asset {asset.name}",
            state=State.OPTIONAL,
            found=f"not here ({asset.purpose})",
            mend=asset.way,
        )
    return Check(name=f"asset {asset.name}", state=State.OK, found=str(path))


def _backend(option: str, row: Backend) -> Check:
    """A capture backend that is no default: whether its files and packages are here."""
    lacking = obstacle(row)
    if lacking is None:
        return Check(name=f"prepare {option}", state=State.OK, found=row.help)
    return Check(name=f"prepare {option}", state=State.OPTIONAL, found=lacking)


def _cores() -> Check:
    return Check(name="cores", state=State.OK, found=str(os.cpu_count()))


def _memory() -> Check:
    """Free memory, as far as the system reports it."""
    try:
        pages, page = os.sysconf("SC_AVPHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return Check(name="memory", state=State.OK, found="unknown here")
    free = _linux_available() or pages * page / 2**30
    if free < MEMORY_GB:
        return Check(
            name="memory",
            state=State.OPTIONAL,
            found=f"{free:.1f} GB free: up to {MEMORY_GB:.0f} GB are used",
            mend="close other programs",
        )
    return Check(name="memory", state=State.OK, found=f"{free:.1f} GB free")


def _linux_available() -> float | None:
    """GB that programs can use, with caches, which sysconf does not count; None outside of
    Linux."""
    path = Path("/proc/meminfo")
    if not path.is_file():
        return None
    fields = dict(line.split(":", 1) for line in path.read_text().splitlines())
    return int(fields["MemAvailable"].split()[0]) / 2**20 if "MemAvailable" in fields else None


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free / 2**30
    if free < DISK_GB:
        found = f"{free:.1f} GB free in {folder.resolve()}: up to {DISK_GB:.0f} GB are used"
        return Check(
            name="disk",
            state=State.BROKEN,
            found=found,
            mend="free some space, or work in another folder",
        )
    return Check(name="disk", state=State.OK, found=f"{free:.0f} GB free")
