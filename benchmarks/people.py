"""Heads of many people, measured on held-out frames and in sweeps: python -m benchmarks.people
CLIP... [-o FOLDER] [--recipe few] [--jobs 4] [--compare OLD/people.json].

A CLIP is a prepared clip or a video, each of another person. A head learns from the first seconds
and is tested on all the rest. One row a person, then the mean and the worst of all people: a
median hides a melted eye. FOLDER gets people.json and people.md as heads come, and of each person a
report, a sheet of the worst frames (.worst.png) and one of the sweeps (.sweeps.png).

--priors and --lip-networks give each person what never saw them: NAME=FILE..., or a folder with
NAME.prior or NAME.safetensors. `tools/write_performance.py` puts people.json into the documents.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from datetime import date
from pathlib import Path

from benchmarks.command_line import parser_of
from benchmarks.one_head import SECONDS, Job
from benchmarks.people_columns import TABLES
from benchmarks.people_tables import Result, all_tables, comparison
from benchmarks.separate_process import run_apart

import instag
from instag.runtime.device import device_name, device_named
from instag.runtime.files import write_atomic


def results_of(jobs: Sequence[Job], together: int) -> Iterator[Result]:
    """Each head's result as it comes, in a process of its own: a GPU is left idle by one alone, and
    a head that fails does not stop the others."""
    with ThreadPoolExecutor(together) as pool:
        for done in as_completed([pool.submit(run_apart, job) for job in jobs]):
            yield done.result()


def prepared(path: Path, folder: Path) -> Path:
    """The clip of a path, prepared in `folder` where it is a video."""
    if path.is_dir():
        return path
    return instag.prepare(path, folder / f"{path.stem}.clip").folder


def of_each_person(given: Sequence[str], suffix: str) -> dict[str, Path]:
    """A file for each name, from NAME=FILE... or one folder. Raises SystemExit for a file that is
    not there."""
    if len(given) == 1 and Path(given[0]).is_dir():
        return {path.stem: path for path in Path(given[0]).glob(f"*{suffix}")}
    named = {name: Path(file) for name, _, file in (each.partition("=") for each in given)}
    missing = [f"{name}={path}" for name, path in named.items() if not path.is_file()]
    if missing:
        raise SystemExit(f"No such file: {', '.join(missing)}. Give NAME=FILE or a folder.")
    return named


def jobs_of(chosen: argparse.Namespace) -> list[Job]:
    """A job for each clip and seed. Raises SystemExit where a person has no fold."""
    priors = of_each_person(chosen.priors, ".prior")
    networks = of_each_person(chosen.lip_networks, ".safetensors")
    clips = [prepared(path, chosen.output) for path in chosen.clips]
    for folds in filter(None, (priors, networks)):
        without = [clip.stem for clip in clips if clip.stem not in folds]
        if without:
            raise SystemExit(f"Nothing is given that never saw {', '.join(without)}.")
    return [
        Job(
            clip=clip,
            avatar=chosen.output / f"{clip.stem}-{seed}.avatar",
            recipe=chosen.recipe,
            seconds=chosen.seconds,
            seed=seed,
            device=chosen.device,
            prior=str(priors[clip.stem]) if priors else chosen.prior,
            lip_networks=networks.get(clip.stem),
            sweeps=not chosen.no_sweeps,
            threads=chosen.threads,
        )
        for clip in clips
        for seed in chosen.seeds
    ]


def in_order(results: Sequence[Result], jobs: Sequence[Job]) -> list[Result]:
    """Results in the order of their jobs."""
    places = {(job.name, job.seed): place for place, job in enumerate(jobs)}
    return sorted(results, key=lambda result: places[result.name, result.seed])


def summary(results: Sequence[Result], recipe: str, device: str) -> str:
    """The sentence above the tables."""
    people, seeds = len({r.name for r in results}), len({r.seed for r in results})
    learned = sorted(result.adapt_s for result in results if not result.error) or [0.0]
    return (
        f"Recipe `{recipe}`, {people} people, {seeds} seed{'s' if seeds > 1 else ''}, "
        f"{device}, {date.today().isoformat()}, instag {instag.__version__}; "
        f"learning took {learned[0]:.0f} to {learned[-1]:.0f} s a head."
    )


def save_results(results: Sequence[Result], path: Path) -> None:
    """As JSON."""
    write_atomic(path, json.dumps([asdict(result) for result in results], indent=1))


def load_results(path: Path) -> list[Result]:
    """The inverse of `save_results`, also of earlier versions' files."""
    return [Result(**result) for result in json.loads(path.read_text())]


def all_changes(now: Sequence[Result], earlier: Sequence[Result]) -> str:
    """What changed since an earlier run, table by table."""
    measured = {key for run in earlier for key in run.numbers}
    return "\n\n".join(
        f"## {title}: changes (! is worse)\n\n{comparison(now, earlier, columns)}"
        for title, columns in TABLES.items()
        if measured & {column.key for column in columns}
    )


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("clips", type=Path, nargs="+", help="prepared clips, or videos")
    parser.add_argument("-o", "--output", type=Path, default=Path("people"))
    parser.add_argument("--recipe", default="few")
    parser.add_argument("--seconds", type=float, help=f"to learn from: {SECONDS} by default")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--prior", help='of everybody: a file, or "bundled"')
    parser.add_argument("--priors", nargs="*", default=[], help="of each person")
    parser.add_argument("--lip-networks", nargs="*", default=[], help="of each person")
    parser.add_argument("--no-sweeps", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="heads at once")
    parser.add_argument("--threads", type=int, help="of each head")
    parser.add_argument("--compare", type=Path, help="people.json of an earlier run")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    chosen = arguments(given)
    earlier = [] if chosen.compare is None else load_results(chosen.compare)
    chosen.output.mkdir(parents=True, exist_ok=True)
    jobs, device = jobs_of(chosen), device_name(device_named(chosen.device))
    results: list[Result] = []
    for result in results_of(jobs, chosen.jobs):
        results = in_order([*results, result], jobs)
        print(f"{result.name}, seed {result.seed}: {result.error or 'measured'}", flush=True)
        text = f"{summary(results, chosen.recipe, device)}\n\n{all_tables(results)}\n"
        save_results(results, chosen.output / "people.json")
        write_atomic(chosen.output / "people.md", text)
    print(text)
    if earlier:
        print(all_changes(results, earlier))
    if any(result.error for result in results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
