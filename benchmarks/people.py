"""Heads of many people, measured on held-out frames: python -m benchmarks.people
CLIP... [-o FOLDER] [--recipe few] [--jobs 4] [--write README.md].

A CLIP is a prepared clip or a video, each of another person. A head learns from the first seconds
and is tested on all the rest. One row a person, then the mean and the worst of all people: a
median hides a melted eye. `--write` puts the table between the marks of a document.
"""

import argparse
import json
import re
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

import instag
from instag.data.clip import Clip
from instag.runtime.device import device_name, device_named, set_threads
from instag.types import FPS

SHORT_CLIP_S = 8.0
"""Clips below this length teach SHORT_SECONDS, so that enough is left to test on."""
SECONDS, SHORT_SECONDS = 5.0, 3.0
MARKS = ("<!-- people: begin -->", "<!-- people: end -->")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A number of the table. key: of a row of metrics.json. more: whether more is better."""

    key: str
    title: str
    more: bool
    digits: int


COLUMNS = (
    Column(key="psnr_full", title="PSNR, dB", more=True, digits=1),
    Column(key="psnr_face", title="face box", more=True, digits=1),
    Column(key="ssim_full", title="SSIM", more=True, digits=3),
    Column(key="lpips_full", title="LPIPS", more=False, digits=3),
    Column(key="psnr_mouth", title="mouth box, dB", more=True, digits=1),
    Column(key="lmd", title="LMD, px", more=False, digits=2),
    Column(key="aperture_correlation", title="lips' opening, correlation", more=True, digits=2),
    Column(key="aperture_movement", title="movement", more=True, digits=2),
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One head. threads: of a worker on a CPU; None for all."""

    clip: Path
    avatar: Path
    recipe: str
    seconds: float | None
    seed: int
    device: str
    prior: str | None
    threads: int | None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one head reached. numbers: by the keys of metrics.json. adapt_s: seconds of learning."""

    name: str
    seed: int
    taught: int
    tested: int
    adapt_s: float
    numbers: dict[str, float]


def taught_seconds(clip: Clip, wanted: float | None) -> float:
    """Seconds to learn from: as asked, else by the length of the clip."""
    return wanted or (SECONDS if len(clip) / FPS >= SHORT_CLIP_S else SHORT_SECONDS)


def run(job: Job) -> Result:
    """Learn one head and measure it."""
    set_threads(job.threads)
    clip = Clip.open(job.clip)
    began = time.perf_counter()
    avatar = instag.adapt(
        clip,
        job.avatar,
        recipe=job.recipe,
        seconds=taught_seconds(clip, job.seconds),
        seed=job.seed,
        device=job.device,
        prior=job.prior,
    )
    took = time.perf_counter() - began
    measured = instag.evaluate(job.avatar, clip, with_speed=False, device=job.device)
    instag.write_report(measured, job.avatar.with_suffix(".report"))
    rows = ((row.key, row.value) for row in measured.metrics.rows)
    return Result(
        name=job.clip.stem,
        seed=job.seed,
        taught=len(avatar),
        tested=measured.measured.frames,
        adapt_s=took,
        numbers={key: float(value) for key, value in rows if isinstance(value, int | float)},
    )


def prepared(path: Path, folder: Path) -> Path:
    """The clip of a path, prepared in `folder` where it is a video."""
    if path.is_dir():
        return path
    return instag.prepare(path, folder / f"{path.stem}.clip").folder


def cell(column: Column, values: list[float]) -> str:
    """The mean of some numbers; a dash where nothing was measured."""
    text = f"{fmean(values):.{column.digits}f}" if values else "-"
    return text.removeprefix("0") if text.startswith("0.") else text


def table(results: list[Result]) -> str:
    """Rows of people (means over seeds), then the mean and the worst of all people."""
    people: dict[str, list[Result]] = {}
    for result in results:
        people.setdefault(result.name, []).append(result)
    titles = ["person", "taught, tested", *(column.title for column in COLUMNS)]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    means: dict[str, list[float]] = {column.key: [] for column in COLUMNS}
    for name, runs in people.items():
        cells = []
        for column in COLUMNS:
            values = [run.numbers[column.key] for run in runs if column.key in run.numbers]
            means[column.key] += [fmean(values)] if values else []
            cells.append(cell(column, values))
        length = f"{runs[0].taught / FPS:.0f} s, {runs[0].tested / FPS:.0f} s"
        lines.append(f"| {name} | {length} | {' | '.join(cells)} |")
    for title, pick in (("**mean**", None), ("**worst**", min)):
        cells = []
        for column in COLUMNS:
            every = means[column.key]
            if pick is not None and every:
                every = [min(every) if column.more else max(every)]
            cells.append(cell(column, every))
        lines.append(f"| {title} | | {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(results: list[Result], recipe: str, device: str) -> str:
    """The sentence above the table."""
    people, seeds = len({r.name for r in results}), len({r.seed for r in results})
    learned = sorted(result.adapt_s for result in results)
    return (
        f"Recipe `{recipe}`, {people} people, {seeds} seed{'s' if seeds > 1 else ''}, "
        f"{device}, {date.today().isoformat()}, instag {instag.__version__}; "
        f"learning took {learned[0]:.0f} to {learned[-1]:.0f} s a head."
    )


def write_between_marks(path: Path, text: str) -> None:
    """Replace what lies between the marks of a document. Raises SystemExit where it has none."""
    document = path.read_text()
    if any(mark not in document for mark in MARKS):
        raise SystemExit(f"{path} has no lines {MARKS[0]} and {MARKS[1]} to write between.")
    pattern = re.compile(f"({re.escape(MARKS[0])}\n).*?({re.escape(MARKS[1])})", re.DOTALL)
    path.write_text(pattern.sub(lambda found: f"{found[1]}{text}\n{found[2]}", document))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+", help="prepared clips, or videos")
    parser.add_argument("-o", "--output", type=Path, default=Path("people"))
    parser.add_argument("--recipe", default="few")
    parser.add_argument("--seconds", type=float, help=f"to learn from: {SECONDS} by default")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--prior")
    parser.add_argument("--jobs", type=int, default=1, help="heads at once")
    parser.add_argument("--threads", type=int, help="of each head")
    parser.add_argument("--write", type=Path, nargs="*", default=[], help="documents to fill")
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    chosen.output.mkdir(parents=True, exist_ok=True)
    jobs = [
        Job(
            clip=prepared(path, chosen.output),
            avatar=chosen.output / f"{path.stem}-{seed}.avatar",
            seed=seed,
            **{
                name: getattr(chosen, name)
                for name in ("recipe", "seconds", "device", "prior", "threads")
            },
        )
        for path in chosen.clips
        for seed in chosen.seeds
    ]
    # Each head in a process of its own: a GPU is left idle by one alone.
    with ProcessPoolExecutor(chosen.jobs, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(run, jobs))
    (chosen.output / "people.json").write_text(
        json.dumps([asdict(result) for result in results], indent=1)
    )
    device = device_name(device_named(chosen.device))
    text = f"{summary(results, chosen.recipe, device)}\n\n{table(results)}"
    print(text)
    for document in chosen.write:
        write_between_marks(document, text)


if __name__ == "__main__":
    main()
