"""Frames a second of a speaking avatar: python -m benchmarks.speaking me.avatar [SOUND] [--device
auto] [--batch 1 8 32] [--json FILE].

Rendering, from features to bytes in the host's memory, by its parts, each waited for by itself:
motion (speech, fields, shading, on a GPU projection too), rasterize, compose (with the torso
frames, decoded before), copy. "rendering" is all of it but the copies, once the first batches are
through. "whole" is one run of `frames`, start and torso frames included, in which copies go on
beside the rendering; "encoded" is the whole into a file. Without a sound: noise with pauses.
"""

import json
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import torch
from benchmarks.command_line import add_speech, parser_of
from benchmarks.machine import described
from torch import Tensor

from instag.media.reader import read_sound
from instag.media.writer import write_video
from instag.models.avatar import Avatar
from instag.runtime.device import device_name, device_named, wait_for
from instag.runtime.device_copy import AsyncDownload
from instag.runtime.memory import keep_freed_memory, peak_memory
from instag.runtime.threads import set_threads
from instag.synthesis.background import BackgroundCache
from instag.synthesis.front_end import front_end_for
from instag.synthesis.head_renderer import FrameInputs, HeadRenderer
from instag.synthesis.options import SpeakOptions
from instag.synthesis.planner import Planner
from instag.synthesis.speak import frames
from instag.synthesis.synthesizer import AHEAD, controls_of
from instag.types import FPS, SAMPLE_RATE

PARTS = ("motion", "rasterize", "compose", "copy")
WARM_UP = 2
"""Batches that are rendered before the clock starts."""


def measure(
    avatar: Avatar, device: torch.device | str, batch: int, sound: Tensor | None = None
) -> dict[str, float]:
    """ms a frame of each part (medians over the batches), frames/s as a whole and with encoding,
    and the most memory."""
    device = torch.device(device)
    sound = noise(max(8.0, 12 * batch / FPS)) if sound is None else sound
    list(
        frames(
            avatar,
            sound[: (WARM_UP * batch * SAMPLE_RATE) // FPS],
            SpeakOptions(),
            device=device,
            batch=batch,
        )
    )
    parts = _parts(avatar, sound, device, batch)
    began = time.perf_counter()
    count = sum(1 for _ in frames(avatar, sound, SpeakOptions(), device=device, batch=batch))
    whole = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        pictures = frames(avatar, sound, SpeakOptions(), device=device, batch=batch)
        write_video(
            Path(folder) / "spoken.mp4",
            pictures,
            sound=(sound.numpy(), SAMPLE_RATE),
            gpu=device.type != "cpu",
        )
        encoding = time.perf_counter() - began
    return {
        "batch": batch,
        "frames": count,
        **{f"{name}_ms": value for name, value in parts.items()},
        "rendering_fps": _rendering(avatar, sound, device, batch),
        "whole_fps": count / whole,
        "encoded_fps": count / encoding,
        "device_mb": peak_memory(device) / 1e6,
        "host_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


@torch.no_grad()
def _parts(avatar: Avatar, sound: Tensor, device: torch.device, batch: int) -> dict[str, float]:
    """Median ms a frame of each part."""
    renderer, downloads = HeadRenderer(avatar, device), AsyncDownload(device)
    rows: list[dict[str, float]] = []
    with BackgroundCache(avatar, device, least=(AHEAD + 1) * batch) as behind:
        for inputs in _full_batches(avatar, sound, device, batch):
            shown, times = behind(inputs), [_now(device)]
            posed = renderer.pose(inputs)
            times.append(_now(device))
            face, mouth = renderer.painter.layers(posed)
            times.append(_now(device))
            pictures = renderer.painter.composite(face, mouth, shown)
            times.append(_now(device))
            downloads.start(pictures).wait()
            times.append(_now(device))
            spent = (1e3 * (after - before) for before, after in pairwise(times))
            rows.append(dict(zip(PARTS, spent, strict=True)))
    kept = rows[WARM_UP:] or rows
    return {name: statistics.median(row[name] for row in kept) / batch for name in kept[0]}


@torch.no_grad()
def _rendering(avatar: Avatar, sound: Tensor, device: torch.device, batch: int) -> float:
    """Frames/s of the rendering alone, bytes left on the device, once the torso frames are decoded
    and the first batches are through."""
    renderer = HeadRenderer(avatar, device)
    with BackgroundCache(avatar, device, least=(AHEAD + 1) * batch) as behind:
        batches = islice(_full_batches(avatar, sound, device, batch), 12)
        ready = [(inputs, behind(inputs)) for inputs in batches]
        for inputs, shown in ready[:WARM_UP]:
            renderer.render_frames(inputs, shown)
        began = _now(device)
        for inputs, shown in ready:
            renderer.render_frames(inputs, shown)
        return len(ready) * batch / (_now(device) - began)


def _full_batches(
    avatar: Avatar, sound: Tensor, device: torch.device, batch: int
) -> Iterator[FrameInputs]:
    """The inputs of a recording up to the first batch that is smaller."""
    front_end = front_end_for(avatar, device=str(device))
    planner = Planner(front_end, controls_of(avatar, SpeakOptions()), device, batch=batch)
    planner.push(sound.numpy())
    planner.end()
    while (planned := planner.take()) is not None and len(planned.inputs) == batch:
        yield planned.inputs


def _now(device: torch.device) -> float:
    wait_for(device)
    return time.perf_counter()


def noise(seconds: float) -> Tensor:
    """Something like speech: noise that swells and pauses four times a second."""
    time_s = torch.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    swell = (
        torch.sin(2 * torch.pi * 4 * time_s) * torch.sin(2 * torch.pi * 0.7 * time_s)
    ).clamp_min(0)
    return 0.2 * swell * torch.randn(len(time_s), generator=torch.Generator().manual_seed(0))


def main() -> None:
    parser = parser_of(__doc__)
    add_speech(parser)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    threads = set_threads(arguments.threads)
    keep_freed_memory()
    device, avatar = device_named(arguments.device), Avatar.open(arguments.avatar)
    sound = torch.from_numpy(read_sound(arguments.sound)) if arguments.sound else None
    size, splats = (
        avatar.info.size,
        ", ".join(f"{count} {part}" for part, count in avatar.info.splats.items()),
    )
    print(f"{described(device, threads)}; {size}x{size}, {splats}")
    rows = []
    for batch in arguments.batch:
        row = measure(avatar, device, batch, sound)
        rows.append(row)
        if len(rows) == 1:
            print("  ".join(f"{name:>12}" for name in row))
        print(
            "  ".join(
                f"{value:12.3f}" if isinstance(value, float) else f"{value:12}"
                for value in row.values()
            )
        )
    if arguments.json:
        arguments.json.write_text(
            json.dumps(
                {
                    "device": device_name(device),
                    "threads": threads,
                    "torch": torch.__version__,
                    "rows": rows,
                },
                indent=1,
            )
        )


if __name__ == "__main__":
    main()
