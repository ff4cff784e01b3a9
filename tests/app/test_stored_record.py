"""Records of a library that hold anything: none of them stops its lists or its queue."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from instag.app.job_progress import Progress
from instag.app.jobs import Job, JobStore, State
from instag.app.library import Entry, Library
from instag.app.recordings import Recordings
from instag.app.stored_record import record_of, stored_record

JOB = Job(id="0" * 16, kind="learn", name="me", owner="", made=1.5, source="source.mp4")
WRONG = {
    "made": ["1", None, True, [], float("nan"), float("inf"), 10**400],
    "name": [None, 3, ["me"], "\ud800"],
    "kind": ["dance", None, []],
    "state": ["asleep", [], None],
    "source": [7, None, "../source.mp4"],
    "spoken": [1, "yes"],
    "more": [1],
}


def job_with(folder: Path, changes: dict[str, object]) -> JobStore:
    place = folder / JOB.id
    place.mkdir(exist_ok=True)
    (place / "job.json").write_text(json.dumps(asdict(JOB) | changes))
    return JobStore(folder)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, each in WRONG.items() for v in each])
def test_a_job_of_other_types_is_none(tmp_path: Path, name: str, value: object) -> None:
    assert job_with(tmp_path, {}).all() == [JOB]
    assert job_with(tmp_path, {name: value}).all() == []


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000, b"[]", b"null", b"3"])
def test_what_is_no_table_is_no_record(content: bytes) -> None:
    assert record_of(content, Job) is None


def test_jobs_of_earlier_versions_are_read() -> None:
    stored = {name: asdict(JOB)[name] for name in ("id", "kind", "name", "owner", "made", "source")}
    assert record_of(json.dumps(stored).encode(), Job) == JOB
    assert record_of(json.dumps(stored | {"state": "done"}).encode(), Job) == replace(
        JOB, state=State.DONE
    )


def test_lists_and_what_may_be_nothing_are_read(tmp_path: Path) -> None:
    progress = Progress(left_s=None, kept=(1, 2), notes=("a",))
    (tmp_path / "progress.json").write_text(json.dumps(asdict(progress)))
    assert stored_record(tmp_path / "progress.json", Progress, whole=True) == progress
    (tmp_path / "progress.json").write_text(json.dumps(asdict(progress) | {"kept": ["x"]}))
    assert stored_record(tmp_path / "progress.json", Progress) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_no_record(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "entry.json")
    assert stored_record(tmp_path / "entry.json", Entry) is None


def test_one_damaged_recording_or_avatar_hides_no_other(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path)
    good, bad = recordings.begin(".webm"), recordings.begin(".webm")
    (tmp_path / bad.id / "recording.json").write_text('{"made": NaN, "ending": ".webm"}')
    assert [each.id for each in recordings.all()] == [good.id]
    library = Library(tmp_path / "library")
    place = library.avatars / JOB.id
    place.mkdir()
    entry = Entry(id=JOB.id, name="me", made=1.0, recipe="draft", size=64)
    (place / "entry.json").write_text(json.dumps(asdict(entry)))
    assert library.entries() == [entry]
    (place / "entry.json").write_text(json.dumps(asdict(entry) | {"made": "today"}))
    assert library.entries() == []
