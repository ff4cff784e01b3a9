"""The doctor: what works on this machine, what does not, and the command that mends it."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module, metadata, util
from pathlib import Path

from instag.assets import store
from instag.runtime.device import gpu_obstacle, gsplat_built

NEEDED = (
    "torch",
    "numpy",
    "numba",
    "mediapipe",
    "cv2",
    "av",
    "safetensors",
    "scipy",
    "jaxtyping",
    "typer",
    "rich",
)
DISTRIBUTIONS = {"cv2": "opencv-contrib-python"}
EXTRAS = {"speech": ("onnxruntime",)}
DISK_GB, MEMORY_GB = 2.0, 3.0
"""What learning one head from a few seconds of video takes at most."""
MEDIAPIPE_MODELS = (
    "modules/face_detection/face_detection_short_range.tflite",
    "modules/face_detection/face_detection_full_range_sparse.tflite",
    "modules/face_landmark/face_landmark_with_attention.tflite",
    "modules/selfie_segmentation/selfie_segmentation.tflite",
)
REINSTALL = f"{sys.executable} -m pip install --force-reinstall"


class State(StrEnum):
    """Whether a part works; `OPTIONAL` parts do not have to."""

    OK = "ok"
    OPTIONAL = "optional"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One part: its state, what was found, and the command that mends it (empty where nothing is to
    mend)."""

    name: str
    state: State
    found: str
    mend: str = ""


def examine(folder: Path = Path()) -> list[Check]:
    """Check all parts; `folder` is where outputs would go. Never raises: a check that fails is a
    broken part."""
    checks = [_python(), *(_guarded(name, _package, name) for name in NEEDED)]
    checks += [
        _guarded("numba threads", _numba_threads),
        _guarded("mediapipe models", _face_models),
        _guarded("video encoders", _encoders),
    ]
    checks += [_guarded("GPU", _gpu), *(_extra(extra) for extra in EXTRAS)]
    checks += [_guarded(f"asset {asset.name}", _asset, asset) for asset in store.ASSETS]
    checks += [_cores(), _memory(), _guarded("disk", _disk, folder)]
    return checks


def _guarded(name: str, check: Callable[..., Check], *arguments: object) -> Check:
    """A part that can not even be looked at is broken, whatever the reason."""
    try:
        return check(*arguments)
    except Exception as error:  # noqa: BLE001 - third parties raise anything when they are installed wrongly
        distribution = DISTRIBUTIONS.get(name, name) if name in NEEDED else "instag"
        return Check(
            name=name,
            state=State.BROKEN,
            found=f"{type(error).__name__}: {error}",
            mend=f"{REINSTALL} {_requirement(distribution)}",
        )


def _requirement(distribution: str) -> str:
    """The range of versions that instag asks for, quoted for a shell."""
    for text in metadata.requires("instag") or []:
        requirement = text.split(";")[0].strip()
        if (
            requirement.startswith(distribution)
            and not requirement[len(distribution) : len(distribution) + 1].isalnum()
        ):
            return f"'{requirement}'"
    return distribution


def _python() -> Check:
    version = platform.python_version()
    if (3, 11) <= sys.version_info < (3, 13):
        return Check(
            name="Python",
            state=State.OK,
            found=f"{version}, {platform.system()} {platform.machine()}",
        )
    return Check(
        name="Python",
        state=State.BROKEN,
        found=f"{version}: 3.11 or 3.12 is needed",
        mend="python3.12 -m venv .venv && .venv/bin/pip install instag",
    )


def _package(name: str) -> Check:
    """Import the package: its presence alone says little where it has native parts."""
    import_module(name)
    return Check(name=name, state=State.OK, found=metadata.version(DISTRIBUTIONS.get(name, name)))


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


def _face_models() -> Check:
    """The models inside the mediapipe wheel, so that nothing is fetched at run time."""
    import mediapipe

    root = Path(mediapipe.__file__).parent
    missing = [name for name in MEDIAPIPE_MODELS if not (root / name).is_file()]
    if missing:
        return Check(
            name="mediapipe models",
            state=State.BROKEN,
            found=f"missing: {', '.join(missing)}",
            mend=f"{REINSTALL} {_requirement('mediapipe')}",
        )
    return Check(
        name="mediapipe models", state=State.OK, found=f"{len(MEDIAPIPE_MODELS)} inside the package"
    )


def _encoders() -> Check:
    """H.264 and AAC, tried out on one frame and one packet of silence."""
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
    """Whether a GPU can be used; if not, the one thing that is missing next. Nothing is compiled,
    and gsplat is not imported."""
    import torch

    obstacle = gpu_obstacle()
    names = (
        ", ".join(
            dict.fromkeys(
                torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())
            )
        )
        if torch.cuda.is_available()
        else ""
    )
    if obstacle is None:
        later = (
            ""
            if gsplat_built()
            else "; it compiles its kernels at the first use, which takes some minutes"
        )
        return Check(
            name="GPU", state=State.OK, found=f"{names}, gsplat {metadata.version('gsplat')}{later}"
        )
    found = f"{names}, but {obstacle.what}" if names else f"{obstacle.what}: the CPU is used"
    mend = (
        f"{sys.executable} -m {obstacle.mend}"
        if obstacle.mend.startswith("pip ")
        else obstacle.mend
    )
    return Check(name="GPU", state=State.OPTIONAL, found=found, mend=mend)


def _extra(extra: str) -> Check:
    missing = [name for name in EXTRAS[extra] if util.find_spec(name) is None]
    if missing:
        found = f"not installed (needs {', '.join(missing)})"
        return Check(
            name=f"extra [{extra}]",
            state=State.OPTIONAL,
            found=found,
            mend=f"{sys.executable} -m pip install 'instag[{extra}]'",
        )
    return Check(
        name=f"extra [{extra}]",
        state=State.OK,
        found=", ".join(f"{name} {metadata.version(name)}" for name in EXTRAS[extra]),
    )


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


def _cores() -> Check:
    return Check(name="cores", state=State.OK, found=str(os.cpu_count()))


def _memory() -> Check:
    """Free memory, as far as the system tells."""
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
    """GB that programs can get, caches included, which sysconf leaves out."""
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
