"""A job's own process: what it puts into the library, and how it ends."""

import json
import os
import shutil
import subprocess
import wave
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer

import numpy as np
import pytest

from instag.app import job_process
from instag.app.folder_lock import held
from instag.app.job_progress import read_progress
from instag.app.job_queue import job_command
from instag.app.jobs import NO_SPACE, NO_SPACE_CODE, Job, JobStore, State
from instag.app.library import Library
from instag.app.verification import verify
from instag.errors import Cancelled, DiskFull, NoFace
from instag.media.writer import write_video
from instag.models.avatar import Avatar

AVATAR = Path(__file__).parent.parent / "artefacts" / "lip_codes.avatar"
JOB = Job(
    id="a" * 16,
    kind="learn",
    name="Ada",
    owner="a",
    made=1.0,
    source="source.mp4",
    consent="I agree.",
    spoken=True,
)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def place(library: Library) -> Path:
    """The folder of a job with a video."""
    video = library.incoming / "sent.mp4"
    write_video(video, [np.full((32, 32, 3), 90, np.uint8)] * 3)
    store = JobStore(library.jobs)
    return store.place(store.add(JOB, video))


def ends_with(library: Library, place: Path, job: Job = JOB) -> tuple[State, str]:
    return job_process.run(library, job, place, Event())


def test_a_learned_avatar_keeps_consent_recording_and_portrait(
    library: Library, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def create(video, output, *, report, preview, **options):
        calls.append(options["training"].recipe)
        report("fuse", 10, 10)
        shutil.copy(AVATAR, output)

    monkeypatch.setattr("instag.creation.create", create)
    source = (place / JOB.source).read_bytes()
    assert ends_with(library, place) == (State.DONE, "")
    assert calls == ["draft"]
    (entry,) = library.entries()
    assert (entry.id, entry.name, entry.consent, entry.spoken) == (JOB.id, "Ada", "I agree.", True)
    consent = Avatar.open(library.avatar(entry.id)).consent
    assert consent is not None
    kept = library.recording(entry.id)
    assert kept is not None
    assert kept.read_bytes() == source
    assert verify(kept, library.written).sha256 == consent.recording_sha256
    assert verify(library.avatar(entry.id), library.written).written is not None
    progress = read_progress(place)
    assert (progress.stage, progress.share, progress.preview) == ("finish", 1.0, 1)


def test_a_second_process_does_not_learn_what_is_learned(
    library: Library, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(AVATAR, place / "head.avatar")
    monkeypatch.setattr("instag.creation.create", None)
    assert ends_with(library, place) == (State.DONE, "")
    assert len(library.entries()) == 1


@pytest.mark.parametrize(
    "error, state, sentence",
    [
        (NoFace("No face is seen."), State.FAILED, "No face is seen."),
        (NoFace("No face in source.mp4."), State.FAILED, "No face in the video."),
        (Cancelled("Cancelled."), State.CANCELLED, ""),
        (ZeroDivisionError("bug"), State.FAILED, "log.txt"),
    ],
)
def test_errors_end_in_a_sentence(
    library: Library, place: Path, monkeypatch: pytest.MonkeyPatch, error, state, sentence: str
) -> None:
    def create(*_, **__):
        raise error

    monkeypatch.setattr("instag.creation.create", create)
    found = ends_with(library, place)
    assert found[0] is state
    assert sentence in found[1]


def test_a_full_disk_is_told_and_where_it_takes_no_word_by_the_exit_code(
    library: Library, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DiskFull(f"The disk is full: {place}/head.avatar could not be written.")

    monkeypatch.setattr("instag.creation.create", full)
    assert ends_with(library, place) == (State.FAILED, NO_SPACE)
    monkeypatch.setattr(job_process, "write_outcome", full)
    monkeypatch.setattr(job_process, "_watch_input", lambda cancel: None)
    assert job_process.main(library.folder, JOB.id) == NO_SPACE_CODE


def test_an_avatar_speaks_into_the_library(library: Library, place: Path) -> None:
    shutil.copy(AVATAR, place / "head.avatar")
    ends_with(library, place)
    sent = library.incoming / "sent.wav"
    with wave.open(str(sent), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8 * 640))
    store = JobStore(library.jobs)
    job = replace(JOB, id="b" * 16, kind="speak", avatar=JOB.id, source="source.wav", said="Hello.")
    store.add(job, sent)
    assert ends_with(library, store.place(job), job) == (State.DONE, "")
    (video,) = library.all_videos()
    assert (video.name, video.said, video.avatar) == ("Ada", "Hello.", JOB.id)
    assert video.seconds == pytest.approx(8 / 25, abs=0.1)
    verdict = verify(library.video(video.id), library.written)
    assert verdict.written is not None
    assert verdict.mark is not None


def test_a_server_that_is_gone_stops_its_process(
    library: Library, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(*_, cancel: Event, **__):
        assert cancel.wait(5)
        raise Cancelled("Cancelled.")

    monkeypatch.setattr("instag.creation.create", create)
    monkeypatch.setattr("os.nice", lambda value: value)
    read, write = os.pipe()
    Timer(0.3, os.close, [write]).start()
    with os.fdopen(read) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert job_process.main(library.folder, JOB.id) == 0
    assert json.loads((place / "outcome.json").read_text())["state"] == "cancelled"


def test_a_process_ends_in_peace_while_its_server_is_there(library: Library, place: Path) -> None:
    (place / JOB.source).write_bytes(b"no video")
    command = job_command(library.folder, JOB.id)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        told = process.stderr.read()
        assert process.wait(60) == 0
    assert b"Fatal" not in told
    assert json.loads((place / "outcome.json").read_text())["state"] == "failed"


def test_two_processes_of_a_job_do_not_run_at_once(library: Library, place: Path) -> None:
    with held(place) as mine:
        assert mine
        with held(place) as other:
            assert not other
    with held(place) as again:
        assert again
