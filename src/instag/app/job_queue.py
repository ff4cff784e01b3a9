"""JobQueue: runs a library's jobs, one of each kind at a time, each in a process of its own."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread
from typing import final

from instag.app.jobs import NO_SPACE, NO_SPACE_CODE, Job, JobStore, Kind, State, next_job
from instag.app.library import Library
from instag.errors import BadArgument, DiskFull, FileMissing, InstagError

KINDS: tuple[Kind, ...] = ("learn", "speak")
LEAVE_S = 20.0
"""A process gets that long to write a checkpoint before it is killed."""
LOG = "log.txt"
WRITE_AGAIN_S = 2.0
"""How a job ended is written again so often, where the disk was full."""

log = logging.getLogger(__name__)

Command = Callable[[Path, str], Sequence[str]]
"""The command line of a job's process, of the library's folder and the job's identifier."""


def job_command(library: Path, identifier: str) -> Sequence[str]:
    """What starts the process of a job."""
    return [sys.executable, "-m", "instag.app.job_process", str(library), identifier]


@final
@dataclass(frozen=True, kw_only=True)
class Running:
    """A job and its process, which stops once its standard input is closed."""

    job: Job
    process: "subprocess.Popen[bytes]"


@final
class JobQueue:
    """Runs jobs between `start` and `close`; a job that was running when its server ended is run
    again and goes on where it was. Methods raise what JobStore raises."""

    def __init__(self, library: Library, command: Command = job_command) -> None:
        self.store = JobStore(library.jobs)
        self._library, self._command = library, command
        self._changed, self._closing = Condition(), False
        self._running: dict[Kind, Running] = {}
        self._served: dict[str, float] = {}
        self._threads: list[Thread] = []

    @property
    def closing(self) -> bool:
        """Whether no more jobs will be run."""
        return self._closing

    def leave(self) -> None:
        """Begin no more jobs; for a handler of signals, which may take no lock."""
        self._closing = True

    def start(self) -> None:
        """Begin to work; jobs whose process ended with an earlier server wait again."""
        for job in self.store.all():
            if job.state is State.RUNNING:
                self.store.with_state(job.id, State.QUEUED)
        for kind in KINDS:
            thread = Thread(target=self._serve, args=(kind,), name=f"instag-{kind}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Stop all processes, which keep what they have done; jobs go on when a queue starts."""
        with self._changed:
            self._closing = True
            for running in self._running.values():
                _stop(running)
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def add(self, job: Job, source: Path) -> Job:
        """Add a job with its source, which is moved."""
        with self._changed:
            self.store.add(job, source)
            self._changed.notify_all()
        return job

    def cancel(self, identifier: str) -> Job:
        """Stop a job, or take it out of the queue. Raises BadArgument where it has ended."""
        with self._changed:
            job = self.store.job(identifier)
            if job.ended:
                raise BadArgument("This job has ended already.")
            running = self._running.get(job.kind)
            if running is not None and running.job.id == job.id:
                _stop(running)
            return self.store.end(identifier, State.CANCELLED)

    def resume(self, identifier: str) -> Job:
        """Let a job that was cancelled or failed go on. Raises BadArgument for others."""
        with self._changed:
            job = self.store.job(identifier)
            if job.state not in (State.CANCELLED, State.FAILED):
                raise BadArgument("Only a job that was cancelled or failed can go on.")
            self._changed.notify_all()
            return self.store.with_state(identifier, State.QUEUED)

    def remove(self, identifier: str) -> None:
        """Remove a job that has ended, once its process has left its folder."""
        with self._changed:
            if self.store.job(identifier).ended:
                self._changed.wait_for(lambda: not self._runs(identifier), LEAVE_S)
            self.store.remove(identifier)

    def _runs(self, identifier: str) -> bool:
        return any(running.job.id == identifier for running in self._running.values())

    def ahead(self, jobs: Sequence[Job]) -> dict[str, int]:
        """How many of these jobs, which are all that the store has, run or wait before each that
        waits."""
        with self._changed:
            served = dict(self._served)
        found: dict[str, int] = {}
        for kind in KINDS:
            found |= places([job for job in jobs if job.kind == kind], served)
        return found

    def _serve(self, kind: Kind) -> None:
        while (running := self._begin(kind)) is not None:
            code = running.process.wait()
            with self._changed:
                assert running.process.stdin is not None
                running.process.stdin.close()
                del self._running[kind]
                try:
                    self._end(running.job, code)
                except FileMissing:  # it was removed
                    pass
                except (OSError, InstagError):
                    log.exception("How a job ended could not be written.")
                self._changed.notify_all()

    def _begin(self, kind: Kind) -> Running | None:
        """The next job's process, once there is a job; None once the queue closes."""
        with self._changed:
            while not self._closing:
                waiting = [
                    job
                    for job in self.store.all()
                    if job.kind == kind and job.state is State.QUEUED
                ]
                job = next_job(waiting, self._served)
                if job is not None:
                    self._served[job.owner] = time.time()
                    if (running := self._started(job)) is not None:
                        self._running[kind] = running
                        return running
                else:
                    self._changed.wait(None if self.store.write_ends() else WRITE_AGAIN_S)
        return None

    def _started(self, job: Job) -> Running | None:
        """The job's process; None where the system refuses one, which ends the job."""
        try:
            return self._process(job)
        except (OSError, InstagError) as error:
            log.exception("A job could not be started.")
            reason = (
                NO_SPACE if isinstance(error, DiskFull) else f"It could not be started: {error}"
            )
            with suppress(OSError, InstagError):
                self.store.end(job.id, State.FAILED, reason)
            return None

    def _process(self, job: Job) -> Running:
        self.store.forget_outcome(job)
        job = self.store.with_state(job.id, State.RUNNING)
        with (self.store.place(job) / LOG).open("ab") as written:
            process = subprocess.Popen(  # noqa: S603 - this program, with an identifier
                self._command(self._library.folder, job.id),
                stdin=subprocess.PIPE,
                stdout=written,
                stderr=written,
                start_new_session=True,  # Ctrl-C in a terminal reaches the server alone
            )
        return Running(job=job, process=process)

    def _end(self, job: Job, code: int) -> None:
        """Record how a process ended. A job that was cancelled is one already; where the queue
        closes, an unfinished job stays as it is, and runs again."""
        outcome = self.store.outcome(job)
        now = self.store.job(job.id)
        if now.state is State.CANCELLED:
            if outcome is not None and outcome[0] is State.DONE:
                self.store.end(job.id, State.DONE)
            return
        if outcome is None and not self._closing:
            outcome = State.FAILED, self._reason(job, code)
        if outcome is not None and outcome[0] is not State.CANCELLED:
            self.store.end(job.id, *outcome)

    def _reason(self, job: Job, code: int) -> str:
        """Why a process ended that left no word."""
        if code == NO_SPACE_CODE:
            return NO_SPACE
        return (
            f"The work stopped unexpectedly (exit code {code}); often memory was short. "
            f"Resume goes on where it was. Details: {self.store.place(job) / LOG}"
        )


def places(jobs: Sequence[Job], last_served: Mapping[str, float]) -> dict[str, int]:
    """How many jobs come before each that waits, where one runs at a time."""
    served = dict(last_served)
    waiting = [job for job in jobs if job.state is State.QUEUED]
    running = sum(job.state is State.RUNNING for job in jobs)
    found: dict[str, int] = {}
    while (turn := next_job(waiting, served)) is not None:
        waiting.remove(turn)
        found[turn.id] = running + len(found)
        served[turn.owner] = time.time() + len(found)
    return found


def _stop(running: Running) -> None:
    """Ask a process to stop, and kill it where it does not."""
    assert running.process.stdin is not None
    running.process.stdin.close()
    Thread(target=_kill_late, args=(running.process,), daemon=True).start()


def _kill_late(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(LEAVE_S)
    except subprocess.TimeoutExpired:
        process.kill()
