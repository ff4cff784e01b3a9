"""The queue runs jobs in processes that may be stopped, killed and run again."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from instag.app import job_queue, jobs
from instag.app.job_queue import JobQueue, places
from instag.app.jobs import NO_SPACE, NO_SPACE_CODE, Job, JobStore, State
from instag.app.library import Library
from instag.errors import BadArgument, DiskFull, NotMedia

PROCESS = """
import json, os, select, sys
folder, job, source = sys.argv[1:]
place = os.path.join(folder, "jobs", job)
source = open(os.path.join(place, source)).read()
runs = os.path.join(place, "runs")
before = len(open(runs).read()) if os.path.exists(runs) else 0
open(runs, "a").write("x")
def end(state, error=""):
    json.dump({"state": state, "error": error}, open(os.path.join(place, "outcome.json"), "w"))
    sys.exit(0)
if source == "wait" and not before:
    sys.stdin.read()
    end("cancelled")
if source == "no space":
    sys.exit(28)
if source == "die" and not before:
    os.kill(os.getpid(), 9)
end("failed", "No face.") if source == "fail" else end("done")
"""
"""A process as instag.app.job_process is one; what it does is what its source says."""
JOB = Job(id="0" * 16, kind="learn", name="Ada", owner="a", made=1.0, source="source.txt")


def command(library: Path, identifier: str) -> Sequence[str]:
    return [sys.executable, "-c", PROCESS, str(library), identifier, JOB.source]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def queue(library: Library) -> Iterator[JobQueue]:
    running = JobQueue(library, command)
    running.start()
    yield running
    running.close()


def added(queue: JobQueue, library: Library, what: str, number: int = 0, **changed: str) -> Job:
    source = library.incoming / f"{number}"
    source.write_text(what)
    job = replace(JOB, id=f"{number:016}", made=float(number), **changed)
    return queue.add(job, source)


def until(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that in 8 s")


def state(queue: JobQueue, job: Job) -> State:
    return queue.store.job(job.id).state


def test_jobs_are_done_one_after_another(queue: JobQueue, library: Library) -> None:
    first, second = added(queue, library, "wait", 1), added(queue, library, "done", 2)
    until(lambda: state(queue, first) is State.RUNNING)
    assert state(queue, second) is State.QUEUED
    assert queue.ahead(queue.store.all())[second.id] == 1
    speech = added(queue, library, "done", 3, kind="speak")
    until(lambda: state(queue, speech) is State.DONE)  # speaking does not wait for learning
    queue.cancel(first.id)
    until(lambda: state(queue, second) is State.DONE)
    assert state(queue, first) is State.CANCELLED
    queue.resume(first.id)
    until(lambda: state(queue, first) is State.DONE)


def test_errors_are_told_and_a_killed_process_can_be_resumed(
    queue: JobQueue, library: Library
) -> None:
    failing, dying = added(queue, library, "fail", 1), added(queue, library, "die", 2)
    until(lambda: state(queue, dying) is State.FAILED)
    assert queue.store.job(failing.id).error == "No face."
    assert "exit code -9" in queue.store.job(dying.id).error
    queue.resume(dying.id)
    until(lambda: state(queue, dying) is State.DONE)
    with pytest.raises(BadArgument):
        queue.resume(dying.id)
    with pytest.raises(BadArgument):
        queue.cancel(dying.id)


def test_a_full_disk_does_not_end_the_queue(
    queue: JobQueue, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(job: Job) -> None:
        monkeypatch.undo()
        raise DiskFull("The disk is full.")

    monkeypatch.setattr(queue.store, "outcome", full)
    first, second = added(queue, library, "done", 1), added(queue, library, "done", 2)
    until(lambda: state(queue, second) is State.DONE)
    assert state(queue, first) is State.RUNNING  # what it was when it could be written last
    queue.cancel(first.id)
    queue.resume(first.id)
    until(lambda: state(queue, first) is State.DONE)


@pytest.mark.parametrize("what", ["fail", "done", "begin"])
def test_a_job_does_not_seem_to_run_where_the_disk_is_full(
    queue: JobQueue, library: Library, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    writing = jobs.write_atomic

    def full(path: Path, content: str, **how: bool) -> None:
        if path.name == "job.json" and (what == "begin" or '"running"' not in content):
            raise DiskFull("The disk is full.")
        writing(path, content, **how)

    monkeypatch.setattr(jobs, "write_atomic", full)
    monkeypatch.setattr(job_queue, "WRITE_AGAIN_S", 0.05)
    job = added(queue, library, what)
    until(lambda: queue.store.job(job.id).ended)
    assert state(queue, job) is (State.DONE if what == "done" else State.FAILED)
    assert state(queue, job) is not JobStore(library.jobs).job(job.id).state
    monkeypatch.setattr(jobs, "write_atomic", writing)
    until(lambda: JobStore(library.jobs).job(job.id) == queue.store.job(job.id))


def test_a_process_that_cannot_say_that_the_disk_is_full_has_a_code(
    queue: JobQueue, library: Library
) -> None:
    assert NO_SPACE_CODE == 28  # as PROCESS has it
    job = added(queue, library, "no space")
    until(lambda: state(queue, job) is State.FAILED)
    assert queue.store.job(job.id).error == NO_SPACE


def test_a_server_that_ends_leaves_a_job_that_goes_on(library: Library) -> None:
    queue = JobQueue(library, command)
    queue.start()
    job = added(queue, library, "wait")
    until(lambda: (queue.store.place(job) / "runs").exists())
    queue.close()
    assert queue.closing
    assert state(queue, job) is State.RUNNING
    again = JobQueue(library, command)
    again.start()
    until(lambda: state(again, job) is State.DONE)
    assert (again.store.place(job) / "runs").read_text() == "xx"
    again.close()


def test_a_cancelled_job_is_removed_once_its_process_has_left(
    queue: JobQueue, library: Library
) -> None:
    job = added(queue, library, "wait")
    until(lambda: state(queue, job) is State.RUNNING)
    with pytest.raises(BadArgument):
        queue.remove(job.id)
    queue.cancel(job.id)
    queue.remove(job.id)
    assert not queue.store.place(job).exists()
    waiting = added(queue, library, "done", 5)
    until(lambda: state(queue, waiting) is State.DONE)


def test_places_go_by_turns_between_owners() -> None:
    def job(identifier: str, owner: str, state: State = State.QUEUED) -> Job:
        made = float(identifier)
        return Job(
            id=identifier, kind="learn", name="", owner=owner, made=made, source="a", state=state
        )

    jobs = [job("1", "a", State.RUNNING), job("2", "a"), job("3", "a"), job("4", "b")]
    assert places(jobs, {"a": 9.0}) == {"4": 1, "2": 2, "3": 3}


def test_a_recording_that_is_no_video_is_told_without_its_temporary_name(tmp_path: Path):
    routes = pytest.importorskip("instag.app.job_routes", exc_type=ImportError)
    library = Library(tmp_path)
    begun = library.recordings.begin(".webm")
    library.recordings.add(begun.id, 0, b"no video")
    job = Job(id="0" * 16, kind="learn", name="Ada", owner="", made=0.0, source="source.webm")
    with pytest.raises(NotMedia, match=r"^This recording is not a video"):
        routes.JobDesk(library, JobQueue(library)).learn_recording(begun.id, job)
    assert library.recordings.recording(begun.id).pieces == 1
    assert list(library.incoming.iterdir()) == []
