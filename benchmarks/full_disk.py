"""Full disks: each writer meets a disk that is full after so many bytes, and must end with DiskFull
or NotWritable, and with what was there before: python -m benchmarks.full_disk [--steps 20].

No disk is filled: a limit on the size of files (RLIMIT_FSIZE) refuses the bytes beyond it as a full
disk does, with "file too large". As root, a small tmpfs is a disk that is really full.
"""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from benchmarks.command_line import parser_of

from instag.data.clip import Clip
from instag.errors import DiskFull, InstagError, NotWritable
from instag.models.avatar import Avatar
from instag.models.prior import Prior
from instag.runtime.array_files import write_array, write_arrays
from instag.runtime.files import TEMPORARY, write_atomic
from instag.training.checkpoints import Position
from instag.training.run_dir import RunDir

ROOT = Path(__file__).parents[1]
ARTEFACTS = ROOT / "tests" / "artefacts"
SIZE = 2 * 2**20
"""Bytes of the small disk."""
THEIRS = "theirs.bin"
"""What is there before."""


def write_checkpoint(path: Path) -> None:
    run = RunDir(path.parent, {"seed": 1})
    run.checkpoints.save(Position(stage="face", step=1), {"a": torch.rand(2**18)})


def write_metrics(path: Path) -> None:
    run = RunDir(path.parent, {"seed": 1})
    for step in range(2000):
        run.metrics.add("face", 49 + 50 * step, 10**6, ["a" * 500], torch.ones(1), splats=1)


def write_movie(path: Path) -> None:
    from instag.media.writer import write_video

    noise = np.random.default_rng(0).integers(0, 255, (50, 128, 128, 3), np.uint8)
    write_video(path.with_suffix(".mp4"), noise)


def write_frames(path: Path) -> None:
    from instag.synthesis.packet import Packet
    from instag.synthesis.sinks import FolderSink
    from instag.types import SAMPLES

    noise = np.random.default_rng(0).integers(0, 255, (20, 128, 128, 3), np.uint8)
    with FolderSink(path.with_suffix(".frames")) as sink:
        for first in range(0, 100, 20):
            sink.write(Packet(first=first, frames=noise, sound=np.zeros(20 * SAMPLES, np.float32)))


WRITERS: dict[str, Callable[[Path], None]] = {
    "avatar": lambda path: Avatar.open(ARTEFACTS / "lip_codes.avatar").save(path),
    "prior": lambda path: Prior.open(ARTEFACTS / "lip_codes.prior").save(path),
    "clip.json": lambda path: write_atomic(path, b"x" * 2**20, lasting=True),
    "arrays": lambda path: write_arrays(
        path.with_suffix(".npz"), a=np.random.default_rng(0).random(2**18)
    ),
    "features": lambda path: write_array(path.with_suffix(".npy"), np.zeros(2**18)),
    "checkpoint": write_checkpoint,
    "metrics": write_metrics,
    "video": write_movie,
    "frames": write_frames,
    "track": lambda path: Clip(folder=path.parent, info=_clip().info).save_track(_clip().track()),
}


def _clip() -> Clip:
    return Clip.open(ARTEFACTS / "speaker.clip")


def outcome(write: Callable[[Path], None], folder: Path) -> str:
    """What a writer ends with. Something was there before, which must stay."""
    target = folder / THEIRS
    try:
        write(target)
        ended = "written"
    except (DiskFull, NotWritable):
        ended = "told"
    except InstagError as error:
        return f"another error: {error}"
    except Exception as error:  # noqa: BLE001 - what is sought
        return f"traceback {type(error).__name__}: {error}"
    if any(folder.rglob(f"{TEMPORARY}*")):
        return f"{ended}, and temporary files are left"
    if ended == "told" and target.read_bytes() != b"before":
        return "told, and what was there is lost"
    return ended


def with_limit(write: Callable[[Path], None], most: int) -> str:
    """With files of at most so many bytes."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / THEIRS).write_bytes(b"before")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        try:
            return outcome(write, Path(name))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def on_small_disk(write: Callable[[Path], None], free: int) -> str:
    """On a disk with so many bytes free; needs root."""
    folder = Path(tempfile.mkdtemp())
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", folder], check=True)
    try:
        inner = folder / "inner"
        inner.mkdir()
        (inner / THEIRS).write_bytes(b"before")
        with suppress(OSError):
            (folder / "filler").write_bytes(bytes(max(0, SIZE - free)))
        return outcome(write, inner)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        shutil.rmtree(folder)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--steps", type=int, default=20, help="sizes of the disk for each writer")
    parser.add_argument("--tmpfs", action="store_true", help="fill small disks; needs root")
    chosen = parser.parse_args()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    chance, bad = random.Random(0), 0
    for name, write in WRITERS.items():
        found: Counter[str] = Counter()
        for _ in range(chosen.steps):
            most = int(2 ** chance.uniform(3, 20.5))
            found[on_small_disk(write, most) if chosen.tmpfs else with_limit(write, most)] += 1
        bad += sum(count for what, count in found.items() if what not in ("told", "written"))
        print(f"{name}: {', '.join(f'{count} {what}' for what, count in found.most_common())}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
