"""One head of the bench over people: learned, measured, swept, and its sheets drawn."""

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.lip_networks import speak_with
from benchmarks.machine import today
from benchmarks.people_tables import Result
from benchmarks.sweep_sheet import sweep_sheet
from benchmarks.worst_sheet import worst_sheet

import instag
from instag.data.clip import Clip
from instag.evaluation.evaluate import Evaluation
from instag.evaluation.picture_sheets import write_png
from instag.evaluation.sweeps.measure_sweeps import measure_sweeps
from instag.models.avatar import Avatar
from instag.runtime.device import device_name, device_named
from instag.runtime.memory import keep_freed_memory
from instag.runtime.threads import set_threads
from instag.training.adapt_recipe import AdaptRecipe
from instag.types import FPS

SHORT_CLIP_S = 8.0
"""Clips below this length teach SHORT_SECONDS, so that enough is left to test on."""
SECONDS, SHORT_SECONDS = 5.0, 3.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is asked of one head. recipe: its name, or a whole one. prior: file, or "bundled"; None
    for the recipe's own. lip_networks: file of networks that never heard the person; None for the
    bundled ones. threads: of a worker on a CPU; None for all."""

    clip: Path
    avatar: Path
    recipe: str | AdaptRecipe = "few"
    seconds: float | None = None
    seed: int = 0
    device: str = "auto"
    prior: str | None = None
    lip_networks: Path | None = None
    sweeps: bool = True
    threads: int | None = None

    @property
    def name(self) -> str:
        """Of the person."""
        return self.clip.stem

    @property
    def result_path(self) -> Path:
        """Where the result is kept."""
        return self.avatar.with_suffix(".json")


def run(job: Job) -> Result:
    """Learn one head and measure it. Sheets lie beside the avatar."""
    set_threads(job.threads)
    keep_freed_memory()
    if job.lip_networks is not None:
        speak_with(job.lip_networks)
    clip = Clip.open(job.clip)
    avatar = learn(job, clip)
    measured = instag.evaluate(job.avatar, clip, with_speed=False, device=job.device)
    instag.write_report(measured, job.avatar.with_suffix(".report"))
    sheet = worst_sheet(avatar, clip, measured.measured, device=device_named(job.device))
    write_png(job.avatar.with_suffix(".worst.png"), sheet)
    return Result(
        name=job.name,
        seed=job.seed,
        taught=len(avatar),
        tested=measured.measured.frames,
        adapt_s=seconds_of(avatar),
        numbers=numbers_of(measured) | (swept(avatar, job) if job.sweeps else {}),
        recipe=avatar.info.recipe,
        device=device_name(device_named(job.device)),
        date=today(),
    )


def learn(job: Job, clip: Clip) -> Avatar:
    """The head of a job, which is also written to its file; one that is there already is kept."""
    if job.avatar.is_file():
        return Avatar.open(job.avatar)
    return instag.adapt(
        clip,
        job.avatar,
        recipe=job.recipe,
        seconds=taught_seconds(clip, job.seconds),
        seed=job.seed,
        device=job.device,
        prior=job.prior,
        run_dir=job.avatar.with_suffix(".run"),
    )


def seconds_of(avatar: Avatar) -> float:
    """How long its stages were trained."""
    spent = avatar.info.training["seconds"]
    return sum(spent.values()) if isinstance(spent, dict) else 0.0


def swept(avatar: Avatar, job: Job) -> dict[str, float]:
    """The sweeps' numbers by key, holes in per cent; the sheet is drawn."""
    found = measure_sweeps(avatar, seed=job.seed, device=device_named(job.device))
    write_png(job.avatar.with_suffix(".sweeps.png"), sweep_sheet(found))
    return found.numbers()


def numbers_of(measured: Evaluation) -> dict[str, float]:
    """Every number of an evaluation by its key; the truth's by its key and _truth."""
    rows = measured.metrics.rows
    truths = [replace(row, key=f"{row.key}_truth", value=row.truth) for row in rows if row.truth]
    return {
        row.key: float(row.value) for row in [*rows, *truths] if isinstance(row.value, int | float)
    }


def taught_seconds(clip: Clip, wanted: float | None) -> float:
    """Seconds to learn from: as asked, else by the length of the clip."""
    return wanted or (SECONDS if len(clip) / FPS >= SHORT_CLIP_S else SHORT_SECONDS)
