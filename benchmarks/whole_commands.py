"""What a user waits for: python -m benchmarks.whole_commands VIDEO --sound SOUND [--recipe few]
[--seconds 5] [--device auto] [--threads 2] [--json FILE], or --clip CLIP in place of VIDEO.

`instag prepare`, `adapt` and `speak`, each in processes of its own: the first time, with no kernels
compiled, and once more, with those that its first run left. `adapt` gets a copy of the clip that
holds nothing back, so that it learns and does not test. With --clip nothing is observed. A command
that fails ends the bench with its message.

What lies beside the kernels (libraries in the system's cache, gsplat's own) is as the machine has
it.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.command_line import parser_of
from benchmarks.command_run import CommandRun, run_command
from benchmarks.machine import circumstances, described, measured

from instag.data.clip import Clip
from instag.media.reader import read_frames
from instag.models.avatar import Avatar
from instag.runtime.device import device_named
from instag.runtime.files import write_atomic
from instag.runtime.threads import set_threads

HEAD = (
    "| command | by the clock, s | of the processor, s | memory, GB | of a GPU: tensors, reserved "
    "| frames | a second |\n|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A command's run. first: no kernels were compiled. frames: observed, learned from or
    painted."""

    command: str
    first: bool
    frames: int
    run: CommandRun


def times(chosen: argparse.Namespace, folder: Path) -> Iterator[Timed]:
    """Each run as it ends. What a command's second run makes, the next command takes."""
    threads = [] if chosen.threads is None else ["--threads", f"{chosen.threads}"]
    seconds = ["--seconds", f"{chosen.seconds:g}", *threads]
    device = ["--device", chosen.device]

    def observe(_: Path) -> list[str]:
        return [str(chosen.video.resolve()), *seconds]

    def learn(avatar: Path) -> list[str]:
        own = copied(clip, avatar.with_suffix(".clip"))
        return [str(own), "--recipe", chosen.recipe, *seconds, *device]

    def speak(_: Path) -> list[str]:
        return [str(learned), str(chosen.sound.resolve()), *device, *threads]

    clip, learned = chosen.clip, folder / "learned.avatar"
    if clip is None:
        clip = folder / "observed.clip"
        yield from twice("prepare", observe, clip, lambda made: len(Clip.open(made)))
    yield from twice("adapt", learn, learned, lambda made: len(Avatar.open(made)))
    yield from twice("speak", speak, folder / "spoken.mp4", frames_of)


def twice(
    command: str,
    arguments: Callable[[Path], Sequence[str]],
    output: Path,
    frames: Callable[[Path], int],
) -> Iterator[Timed]:
    """The first run and a second one, which writes `output`. arguments, frames: of what a run
    makes."""
    with tempfile.TemporaryDirectory() as kernels:
        for made in (output.with_stem(f"{output.stem}-first"), output):
            given = [command, *arguments(made), "-o", str(made), "--quiet"]
            run = run_command(given, Path(kernels))
            yield Timed(command=command, first=made != output, frames=frames(made), run=run)


def copied(clip: Path, folder: Path) -> Path:
    """A copy of a clip in which no run was begun and of which no frame is kept for testing."""
    shutil.copytree(clip, folder, ignore=shutil.ignore_patterns("training"))
    own = Clip.open(folder)
    own.save_info(replace(own.info, test_frames=0))
    return folder


def frames_of(video: Path) -> int:
    """How many frames a video has."""
    return sum(1 for _ in read_frames(video))


def line(timed: Timed) -> str:
    """A row of the table."""
    run = timed.run
    of_gpu = [each for each in (run.tensors_mb, run.reserved_mb) if each is not None]
    cells = [
        f"{timed.command}{', the first time' if timed.first else ''}",
        f"{run.wall_s:.1f}",
        "-" if run.processor_s is None else f"{run.processor_s:.1f}",
        "-" if run.memory_mb is None else gigabytes(run.memory_mb),
        ", ".join(map(gigabytes, of_gpu)) or "-",
        f"{timed.frames}",
        f"{timed.frames / run.wall_s:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def gigabytes(megabytes: float) -> str:
    return f"{megabytes / 1024:.2f}"


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = parser_of(__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("video", type=Path, nargs="?")
    source.add_argument("--clip", type=Path)
    parser.add_argument("--sound", type=Path, required=True, help="what the head says")
    parser.add_argument("--recipe", default="few")
    parser.add_argument("--seconds", type=float, default=5.0, help="to observe and learn from")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    chosen = arguments(given)
    threads, device = set_threads(chosen.threads), device_named(chosen.device)
    conditions = circumstances(measured(device), threads)
    print(f"{described(device, threads)}, {conditions['date']}, recipe {chosen.recipe}\n")
    if chosen.clip is not None:
        print(f"Nothing was observed: {chosen.clip} is prepared.\n")
    print(HEAD)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for timed in times(chosen, Path(name)):
            print(line(timed), flush=True)
            rows.append(timed)
        size = Avatar.open(Path(name) / "learned.avatar").info.size
    if chosen.json is not None:
        report = conditions | {
            "source": (chosen.clip or chosen.video).stem,
            "recipe": chosen.recipe,
            "size": size,
            "seconds": chosen.seconds,
            "commands": [asdict(row) for row in rows],
        }
        write_atomic(chosen.json, json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
