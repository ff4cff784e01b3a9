"""Jobs: long work that a library remembers, each in a folder of its own.

jobs/ID/job.json        the job and its state; the server writes it
jobs/ID/source.*        the video to learn from, or the sound to speak
jobs/ID/progress.json   how far it is; its process writes it (instag.app.job_progress)
jobs/ID/outcome.json    how it ended; its process writes it
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Literal, final

from instag.app.names import checked_identifier
from instag.app.stored_record import folders_in, stored_record
from instag.errors import BadArgument, DiskFull, FileMissing, NotWritable
from instag.runtime.files import atomic_folder, remove_folder, write_atomic

JOB, OUTCOME = "job.json", "outcome.json"
NO_SPACE_CODE = 28
"""The exit code of a process whose last word a full disk does not take: ENOSPC."""
NO_SPACE = "The disk is full. Free some space, then try again: it goes on where it was."
Kind = Literal["learn", "speak"]
RECIPES = ("draft", "few", "long")
"""Recipes that the page offers."""


class State(StrEnum):
    """A job waits, runs, or has ended in one of three ways."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@final
@dataclass(frozen=True, kw_only=True)
class Job:
    """learn: `source` is a video; consent and spoken are those of Consent. speak: `avatar` says
    what `source` holds; `said` is a text for a person.

    owner: of whom it is, for fairness between several pages. made: seconds since 1970.
    """

    id: str
    kind: Kind
    name: str
    owner: str
    made: float
    source: str
    state: State = State.QUEUED
    error: str = ""
    recipe: str = "draft"
    consent: str = ""
    spoken: bool = False
    avatar: str = ""
    said: str = ""

    def __post_init__(self) -> None:
        if self.recipe not in RECIPES:
            raise BadArgument(f"There is no recipe {self.recipe!r}. Choose: {', '.join(RECIPES)}.")
        if Path(self.source).name != self.source:
            raise BadArgument("A job's source is the name of a file in its folder.")

    @property
    def ended(self) -> bool:
        """Whether it needs no further process."""
        return self.state in (State.DONE, State.FAILED, State.CANCELLED)


@final
@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What outcome.json holds."""

    state: State
    error: str


@final
class JobStore:
    """The jobs in a folder. Methods that take an identifier raise FileMissing where there is no
    such job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unwritten: dict[str, Job] = {}
        """Jobs that ended, which the disk has not taken yet."""

    def all(self) -> list[Job]:
        """In the order in which they were added."""
        found = (self._known(path) for path in folders_in(self.folder))
        return sorted((job for job in found if job), key=lambda job: (job.made, job.id))

    def job(self, identifier: str) -> Job:
        """Raises FileMissing where there is none."""
        found = self._known(self.folder / checked_identifier(identifier))
        if found is None:
            raise FileMissing(
                "There is no such job; it may have been removed. Open the list again."
            )
        return found

    def place(self, job: Job) -> Path:
        """The folder of a job."""
        return self.folder / checked_identifier(job.id)

    def add(self, job: Job, source: Path) -> Job:
        """Add a job with its source, which is moved; whole or not at all."""
        with atomic_folder(self.folder / checked_identifier(job.id)) as folder:
            shutil.move(source, folder / job.source)
            (folder / JOB).write_text(_written(job))
        return job

    def with_state(self, identifier: str, state: State, error: str = "") -> Job:
        """Set a job's state, lastingly."""
        job = replace(self.job(identifier), state=state, error=error)
        write_atomic(self.place(job) / JOB, _written(job), lasting=True)
        self._unwritten.pop(identifier, None)
        return job

    def end(self, identifier: str, state: State, error: str = "") -> Job:
        """As `with_state`, for a job whose process has ended. It has whatever the disk says: what
        a full one does not take is known here, and written once there is space."""
        job = replace(self.job(identifier), state=state, error=error)
        self._unwritten[identifier] = job
        self.write_ends()
        return job

    def write_ends(self) -> bool:
        """Write what the disk has not taken. Returns whether nothing is left."""
        for job in list(self._unwritten.values()):
            with suppress(DiskFull, NotWritable, FileMissing):
                self.with_state(job.id, job.state, job.error)
            if not self.place(job).is_dir():
                self._unwritten.pop(job.id, None)
        return not self._unwritten

    def _known(self, folder: Path) -> Job | None:
        found = _read(folder)
        return None if found is None else self._unwritten.get(found.id, found)

    def outcome(self, job: Job) -> tuple[State, str] | None:
        """How its process ended the job, with the error's sentence; None where it did not say."""
        found = stored_record(self.place(job) / OUTCOME, Outcome)
        return None if found is None else (found.state, found.error)

    def forget_outcome(self, job: Job) -> None:
        """What an earlier process of it left."""
        (self.place(job) / OUTCOME).unlink(missing_ok=True)

    def remove(self, identifier: str) -> None:
        """Remove a job that has ended, with its files. Raises BadArgument where it has not."""
        job = self.job(identifier)
        if not job.ended:
            raise BadArgument("This job still waits or runs. Cancel it first.")
        (self.place(job) / JOB).unlink()
        self._unwritten.pop(identifier, None)
        remove_folder(self.place(job))

    def sweep(self, products: Mapping[Kind, Path]) -> None:
        """Remove the jobs that are done and whose product is not in its folder any more: earlier
        versions left them, with pictures of a face, where an avatar was deleted. What can go on
        stays."""
        for job in self.all():
            if job.state is State.DONE and not os.path.lexists(products[job.kind] / job.id):
                self.remove(job.id)


def write_outcome(folder: Path, state: State, error: str = "") -> None:
    """For the job's own process."""
    content = json.dumps(asdict(Outcome(state=state, error=error)))
    write_atomic(folder / OUTCOME, content, lasting=True)


def next_job(waiting: Sequence[Job], last_served: Mapping[str, float]) -> Job | None:
    """Whose turn it is: of the owner who was served longest ago, the job that was added first."""
    return min(
        waiting,
        key=lambda job: (last_served.get(job.owner, 0.0), job.made, job.id),
        default=None,
    )


def _read(folder: Path) -> Job | None:
    """The job of a folder; None where it holds none that is whole."""
    try:
        found = stored_record(folder / JOB, Job)
    except BadArgument:
        return None
    return found if found is not None and found.id == folder.name else None


def _written(job: Job) -> str:
    return json.dumps(asdict(job), indent=1)
