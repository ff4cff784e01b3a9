"""Jobs survive on disk, and turns are fair."""

from dataclasses import replace
from pathlib import Path

import pytest

from instag.app import jobs
from instag.app.jobs import Job, JobStore, State, next_job, write_outcome
from instag.errors import BadArgument, DiskFull, FileMissing

JOB = Job(id="0" * 16, kind="learn", name="Ada", owner="a", made=1.0, source="source.webm")


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path)


def source(tmp_path: Path) -> Path:
    path = tmp_path / "sent"
    path.write_bytes(b"a video")
    return path


def test_a_job_is_read_as_it_was_written(store: JobStore, tmp_path: Path) -> None:
    store.add(JOB, source(tmp_path))
    assert JobStore(tmp_path).all() == [JOB]
    assert (store.place(JOB) / JOB.source).read_bytes() == b"a video"
    store.with_state(JOB.id, State.FAILED, "No face.")
    again = JobStore(tmp_path).job(JOB.id)
    assert (again.state, again.error) == (State.FAILED, "No face.")


def test_outcomes_are_those_that_the_process_wrote(store: JobStore, tmp_path: Path) -> None:
    store.add(JOB, source(tmp_path))
    assert store.outcome(JOB) is None
    write_outcome(store.place(JOB), State.FAILED, "No face.")
    assert store.outcome(JOB) == (State.FAILED, "No face.")
    store.forget_outcome(JOB)
    assert store.outcome(JOB) is None


def test_only_jobs_that_have_ended_are_removed(store: JobStore, tmp_path: Path) -> None:
    store.add(JOB, source(tmp_path))
    with pytest.raises(BadArgument, match="Cancel"):
        store.remove(JOB.id)
    store.with_state(JOB.id, State.CANCELLED)
    store.remove(JOB.id)
    assert store.all() == []
    with pytest.raises(FileMissing):
        store.job(JOB.id)


def test_names_never_become_paths() -> None:
    for name in ("../me.webm", "/etc/passwd", "a/b"):
        with pytest.raises(BadArgument):
            replace(JOB, source=name)
    with pytest.raises(BadArgument, match="recipe"):
        replace(JOB, recipe="reference")


def test_who_was_served_longest_ago_is_next() -> None:
    of_a = [replace(JOB, id=f"{number:016}", made=float(number)) for number in range(3)]
    of_b = replace(JOB, id="b" * 16, owner="b", made=9.0)
    waiting, served, turns = [*of_a, of_b], {}, []
    for now in range(1, 5):
        turn = next_job(waiting, served)
        assert turn is not None
        waiting.remove(turn)
        served[turn.owner] = float(now)
        turns.append(turn)
    assert turns == [of_a[0], of_b, of_a[1], of_a[2]]
    assert next_job([], served) is None


def full_disk(*_: object, **__: object) -> None:
    raise DiskFull("The disk is full.")


def test_an_end_that_a_full_disk_does_not_take_is_known_and_written_later(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(JOB, source(tmp_path))
    store.with_state(JOB.id, State.RUNNING)
    monkeypatch.setattr(jobs, "write_atomic", full_disk)
    store.end(JOB.id, State.FAILED, "No face.")
    assert not store.write_ends()
    assert [each.state for each in store.all()] == [State.FAILED]
    assert store.job(JOB.id).error == "No face."
    with pytest.raises(DiskFull):
        store.with_state(JOB.id, State.QUEUED)  # nothing begins anew that nobody would know of
    assert JobStore(tmp_path).job(JOB.id).state is State.RUNNING
    monkeypatch.undo()
    assert store.write_ends()
    assert JobStore(tmp_path).job(JOB.id).error == "No face."


def test_a_job_that_a_full_disk_holds_up_can_go(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(JOB, source(tmp_path))
    monkeypatch.setattr(jobs, "write_atomic", full_disk)
    store.end(JOB.id, State.CANCELLED)
    store.remove(JOB.id)
    assert store.all() == []
    assert store.write_ends()
