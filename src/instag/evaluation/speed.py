"""How fast an avatar is made and speaks, and how large it is."""

import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8

from instag.data.clip import Clip
from instag.evaluation.not_measured import NotMeasured
from instag.media.writer import write_video
from instag.models.avatar import Avatar
from instag.runtime.device import device_name
from instag.synthesis.options import SpeakOptions
from instag.synthesis.speak import frames
from instag.synthesis.synthesizer import GPU_BATCH
from instag.types import FPS, SAMPLE_RATE

SPOKEN_S = 4.0
"""Duration of the speech that is measured."""


@final
@dataclass(frozen=True, kw_only=True)
class Speed:
    """Seconds, frames a second, megabytes (10^6 bytes).

    rendering_fps: encoder, fields, rasterization and composition, before encoding. speaking_fps:
    with encoding into a file. memory_mb: the peak of this process so far.
    """

    prepare_s: float | NotMeasured
    adapt_s: float | NotMeasured
    rendering_fps: float
    speaking_fps: float
    memory_mb: float | NotMeasured
    splats_face: int
    splats_mouth: int
    file_mb: float | NotMeasured


def measure_speed(
    avatar: Avatar, clip: Clip, path: Path | None, device: torch.device | str = "cpu"
) -> Speed:
    """Measure how fast the avatar speaks some seconds of the clip on a device: once without
    encoding, once into a video. path: the avatar's file."""
    device = torch.device(device)
    speech = clip.speech()[: round(SPOKEN_S * SAMPLE_RATE)]
    _render(
        avatar,
        speech[: 2 * GPU_BATCH * SAMPLE_RATE // FPS]
        if device.type != "cpu"
        else speech[: SAMPLE_RATE // 5],
        device,
    )
    count, rendering_s = _render(avatar, speech, device)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        write_video(
            Path(folder) / "spoken.mp4",
            _frames(avatar, speech, device),
            sound=(speech, SAMPLE_RATE),
            fps=FPS,
            gpu=device.type != "cpu",
        )
        speaking = time.perf_counter() - began
    learned = avatar.info.training.get("seconds")
    return Speed(
        prepare_s=_observing(clip),
        adapt_s=sum(learned.values())
        if isinstance(learned, dict)
        else NotMeasured("the avatar has no record of how long it learned"),
        rendering_fps=count / rendering_s,
        speaking_fps=count / speaking,
        memory_mb=_peak_memory(),
        splats_face=avatar.info.splats["face"],
        splats_mouth=avatar.info.splats["mouth"],
        file_mb=path.stat().st_size / 1e6
        if path is not None and path.is_file()
        else NotMeasured("the avatar has no file"),
    )


def machine(device: torch.device | str = "cpu") -> str:
    """This machine in words, with the GPU if that is the device."""
    device = torch.device(device)
    hardware = processor() if device.type == "cpu" else f"{processor()}, {device_name(device)}"
    software = f"Python {platform.python_version()}, torch {torch.__version__}"
    return (
        f"{platform.system()} {platform.machine()}, {hardware}, {torch.get_num_threads()} "
        f"threads, {software}"
    )


def processor() -> str:
    """The processor's name where the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"


def _frames(
    avatar: Avatar, speech: Float[np.ndarray, " samples"], device: torch.device
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    return frames(avatar, torch.from_numpy(speech), SpeakOptions(), device=device)


def _render(
    avatar: Avatar, speech: Float[np.ndarray, " samples"], device: torch.device
) -> tuple[int, float]:
    """Frames, and the seconds they took."""
    began = time.perf_counter()
    count = sum(1 for _ in _frames(avatar, speech, device))
    return count, time.perf_counter() - began


def _observing(clip: Clip) -> float | NotMeasured:
    seconds = sum(record.seconds for record in clip.info.stages.values())
    return (
        seconds
        if seconds > 0
        else NotMeasured("the clip has no record of how long its stages took")
    )


def _peak_memory() -> float | NotMeasured:
    if sys.platform == "win32":
        return NotMeasured("Windows does not report it")
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6
